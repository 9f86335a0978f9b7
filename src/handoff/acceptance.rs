//! `--from-report`: whether a report that was made before may stand for a check now.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::report::{KubesprayRow, Mode, Report, SCHEMA};

/// What a report must fit: the run as it would be judged now.
pub struct Here<'h> {
    /// The inventory's digest.
    pub digest: &'h str,
    /// The hosts in scope.
    pub hosts: Vec<&'h str>,
    /// The profile's name.
    pub profile: &'h str,
    /// Its parameters.
    pub parameters: &'h BTreeMap<String, Value>,
    /// The checkout that will be handed to.
    pub kubespray: KubesprayRow,
    /// `--limit`.
    pub limit: Option<&'h str>,
    /// The version of this program: another one has other checks.
    pub version: &'h str,
    /// How old the oldest host's facts may be.
    pub max_age: Duration,
    /// The time now.
    pub now: Timestamp,
}

/// Whether a report may stand for a check now; its verdict is not looked at here.
///
/// # Errors
/// The first thing that is against it, and what to do.
pub fn accept(report: &Report, here: &Here<'_>) -> Result<(), String> {
    let again = "check again";
    if report.schema != SCHEMA {
        return Err(format!("it is no report: its schema is `{}`, and `{SCHEMA}` is wanted", report.schema));
    }
    if report.tool.version != here.version {
        let theirs = &report.tool.version;
        return Err(format!("airworthy {theirs} wrote it, and this is {}; {again}", here.version));
    }
    if report.mode != Mode::Live {
        return Err(format!("it judges saved facts; {again}, so that hosts are visited"));
    }
    if report.inventory.digest != here.digest {
        return Err(format!("it is about another inventory, or the inventory has changed since; {again}"));
    }
    let scope = &report.scope;
    if !scope.select.is_empty() || !scope.skip.is_empty() {
        return Err(format!("it was made with --select or --skip; {again} without them"));
    }
    if scope.devbox != "local" {
        return Err(format!("it leaves the dev box out (--devbox {}); {again} on the dev box", scope.devbox));
    }
    match (scope.limit.as_deref(), here.limit) {
        (theirs, ours) if theirs == ours => {}
        (Some(theirs), _) => {
            return Err(format!(
                "it is about a part of the inventory: give --limit '{theirs}', which ansible-playbook will get too"
            ));
        }
        (None, _) => {
            let help = "leave --limit away here, and give it behind `--` for ansible-playbook alone";
            return Err(format!("it is about the whole inventory; {help}"));
        }
    }
    if scope.interrupted {
        return Err(format!("its run was interrupted; {again}"));
    }
    if !scope.complete && scope.limit.is_none() {
        return Err(format!("it is not complete; {again}"));
    }
    if report.profile != here.profile {
        return Err(format!(
            "it was judged by the profile `{}`, not `{}`; {again}",
            report.profile, here.profile
        ));
    }
    match &report.kubespray {
        Some(theirs) if *theirs == here.kubespray => {}
        Some(KubesprayRow { checkout: None, .. }) | None => {
            return Err(format!("it was judged without --kubespray; {again} with it"));
        }
        Some(theirs) => {
            return Err(format!("it was judged by {theirs}, not by {}; {again}", here.kubespray));
        }
    }
    let names = report.parameters.keys().chain(here.parameters.keys());
    if let Some(name) =
        names.into_iter().find(|name| report.parameters.get(*name) != here.parameters.get(*name))
    {
        let shown = |parameters: &BTreeMap<String, Value>| {
            parameters.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        let (theirs, ours) = (shown(&report.parameters), shown(here.parameters));
        return Err(format!(
            "it was judged with {name} = {theirs}, and here it is {ours}; give the same flags, or {again}"
        ));
    }
    let judged: Vec<&str> = report.hosts.iter().map(|host| host.name.as_str()).collect();
    if let Some(missing) = here.hosts.iter().find(|host| !judged.contains(host)) {
        return Err(format!("the host {missing} is not in it; {again}"));
    }
    for host in report.hosts.iter().filter(|host| host.reached) {
        let gathered = host.gathered_at.as_deref().and_then(|text| text.parse::<Timestamp>().ok());
        let Some(gathered) = gathered else {
            return Err(format!("it does not say when {} was visited; {again}", host.name));
        };
        let age = here.now.duration_since(gathered);
        if age.unsigned_abs() > here.max_age {
            let minutes = |age: Duration| format!("{} min", age.as_secs().div_ceil(60));
            let (age, most) = (minutes(age.unsigned_abs()), minutes(here.max_age));
            return Err(match gathered > here.now {
                true => format!("{} was visited {age} from now: a clock is wrong", host.name),
                false => {
                    format!("{} was visited {age} ago, and --facts-max-age is {most}; {again}", host.name)
                }
            });
        }
    }
    Ok(())
}
