//! `inventory`: hosts, roles and variables as understood.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::error::RunError;
use super::safe_output::Kind;
use super::{reading, terminal};
use crate::checks::nearest;
use crate::cli::{Format, InventoryArgs};
use crate::escape::line;
use crate::exit_code;
use crate::inventory::{self, Exact, Group, Host, Inventory, Layer, LoadOptions, View};
use crate::redact;

/// Runs `inventory`.
pub(super) fn inventory(args: &InventoryArgs) -> Result<u8, RunError> {
    let (checkout, logins) = (args.kubespray.as_deref(), reading::Logins::Own);
    let config = reading::ansible_config(checkout, logins)?;
    let paths = reading::inventories(&args.inventory, &config);
    if paths.is_empty() {
        return Err(RunError::flag(
            "--inventory",
            "name an inventory with -i; ansible.cfg names none either",
        ));
    }
    let options = reading::options(&args.vault, &config, checkout, logins)?;
    let options = LoadOptions { extra_vars: args.extra_vars.clone(), for_judging: false, ..options };
    let inventory = inventory::load_with(&paths, &options)?;
    for warning in inventory.warnings.iter().chain(&not_visited(&inventory)) {
        terminal::note(&format!("airworthy: warning: {}", line(warning)));
    }
    reading::note_idle_exclusions(&inventory, args.limit.as_deref());
    let only = args.limit.as_deref().map(|pattern| inventory.select(pattern)).transpose()?;
    let view = if args.runtime_groups { View::Runtime } else { View::Files };
    let text = match (&args.host, args.format) {
        (Some(name), Format::Json) => {
            let text = pretty(&variables_as_json(&inventory, name, view)?);
            terminal::json(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
            return Ok(exit_code::GO);
        }
        (Some(name), Format::Table) => one(&inventory, name)?,
        (None, Format::Json) => {
            let listing = inventory.listing(view, only.as_ref()).without_secrets();
            let write = |into: &mut dyn Write| {
                serde_json::to_writer_pretty(&mut *into, &listing)?;
                into.write_all(b"\n")
            };
            terminal::stream(Kind::Json, write)
                .map_err(|error| RunError::file(Path::new("stdout"), &error))?;
            return Ok(exit_code::GO);
        }
        (None, Format::Table) => {
            let shown = |name: &&String| only.as_ref().is_none_or(|only| only.contains(name.as_str()));
            let names: Vec<&String> = inventory.names().iter().filter(shown).collect();
            hosts(&inventory, &names) + "\n" + &groups(&inventory)
        }
    };
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(&Exact(value)).unwrap_or_default() + "\n"
}

/// Why hosts would not be visited, each reason once.
fn not_visited(inventory: &Inventory) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for host in &inventory.hosts {
        for unresolved in &host.connection.unresolved {
            let reason = unresolved.to_string();
            let at = *known.entry(reason.clone()).or_insert(reasons.len());
            match reasons.get_mut(at) {
                Some((_, names)) => names.push(&host.name),
                None => reasons.push((reason, vec![&host.name])),
            }
        }
    }
    reasons
        .iter()
        .map(|(reason, names)| format!("`check` will not visit {}: {reason}", some(names)))
        .collect()
}

/// What is known of a setting, unless one of the variables that give it is not.
fn known(host: &Host, names: &[&str], value: String) -> String {
    // Of vars files that nobody can decrypt it is every variable.
    let is_missing = |name: &str| names.contains(&name) || name == "every variable";
    match host.connection.unresolved.iter().any(|unresolved| is_missing(&unresolved.name)) {
        true => "(not known)".to_owned(),
        false => value,
    }
}

/// Every host, those too that are not judged.
fn hosts(inventory: &Inventory, names: &[&String]) -> String {
    let judged: HashMap<&str, &Host> =
        inventory.hosts.iter().map(|host| (host.name.as_str(), host)).collect();
    let row = |name: &&String| {
        let variables = inventory.vars_in(View::Runtime, name).map_or(0, |variables| variables.len());
        let Some(host) = judged.get(name.as_str()) else {
            return [
                (*name).clone(),
                String::new(),
                String::new(),
                String::new(),
                "-".to_owned(),
                String::new(),
                variables.to_string(),
            ];
        };
        let roles: Vec<&str> = host.roles.iter().map(|role| role.as_str()).collect();
        [
            host.name.clone(),
            known(host, &["ansible_host", "ansible_ssh_host"], host.connection.address.clone()),
            known(
                host,
                &["ansible_port", "ansible_ssh_port"],
                host.connection.port.unwrap_or(22).to_string(),
            ),
            known(
                host,
                &["ansible_user", "ansible_ssh_user"],
                host.connection.user.clone().unwrap_or_default(),
            ),
            roles.join(", "),
            host.accelerator.clone().unwrap_or_default(),
            variables.to_string(),
        ]
    };
    let header = ["HOST", "ADDRESS", "PORT", "USER", "ROLES", "ACCELERATOR", "VARS"];
    table(header, &names.iter().map(row).collect::<Vec<_>>())
}

/// Every group that has somebody, with those that kubespray makes.
fn groups(inventory: &Inventory) -> String {
    let plain = inventory.groups_in(View::Files);
    let row = |group: &Group| {
        let members = inventory.members(&group.name);
        let before = plain.members(&group.name).len();
        let made = if before == members.len() { "" } else { "made by kubespray while it runs" };
        let children = group.children.join(", ");
        [group.name.clone(), members.len().to_string(), some(&members), children, made.to_owned()]
    };
    let rows: Vec<[String; 5]> =
        inventory.groups.iter().map(row).filter(|row| row[1] != "0" && row[0] != "all").collect();
    table(["GROUP", "HOSTS", "NAMES", "CHILDREN", "NOTE"], &rows)
}

/// The first few names.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    match names.len().checked_sub(SHOWN).filter(|&more| more > 1) {
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
        None => names.join(", "),
    }
}

fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    // As they will be written: what is escaped takes more room.
    let rows: Vec<[String; N]> =
        rows.iter().map(|row| row.each_ref().map(|cell| short(&line(&redact::shown(cell))))).collect();
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0) + 2
    };
    // Where it is narrow, a column in which nothing stands is left away.
    let narrow = (0..N).map(wide).sum::<usize>() > terminal::width();
    let shown: Vec<usize> =
        (0..N).filter(|column| !narrow || rows.iter().any(|row| !row[*column].is_empty())).collect();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(terminal::width()).unwrap_or(u16::MAX));
    table.set_header(shown.iter().map(|column| header[*column]));
    for row in &rows {
        table.add_row(shown.iter().map(|column| row[*column].clone()));
    }
    // What people copy is not broken.
    if let Some(name) = table.column_mut(0) {
        name.set_constraint(ColumnConstraint::ContentWidth);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// A cell that is no longer than a table has use for: laying out a longer one takes its square.
fn short(cell: &str) -> String {
    const MOST: usize = 400;
    match cell.char_indices().nth(MOST) {
        Some((end, _)) => {
            format!("{}… ({} characters; --format json has them all)", &cell[..end], cell.chars().count())
        }
        None => cell.to_owned(),
    }
}

/// Why there is nothing to say of a host.
fn no_host(inventory: &Inventory, name: &str) -> RunError {
    let near = nearest(name, inventory.names().iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    RunError::flag("--host", format!("the inventory has no host `{name}`{near}"))
}

/// One host's variables in the shape of `ansible-inventory --host`, without secrets.
fn variables_as_json(inventory: &Inventory, name: &str, view: View) -> Result<serde_json::Value, RunError> {
    let listing = inventory.listing(view, None).without_secrets();
    listing.variables_of(name).map(Into::into).ok_or_else(|| no_host(inventory, name))
}

/// One host's variables as kubespray will see them, each with where it came from and what it overrode. Passwords are
/// starred out.
fn one(inventory: &Inventory, name: &str) -> Result<String, RunError> {
    let Some(variables) = inventory.vars_in(View::Runtime, name) else {
        return Err(no_host(inventory, name));
    };
    let mut lines = Vec::new();
    let roles = inventory.hosts.iter().find(|host| host.name == name).map(|host| &host.roles);
    let roles: Vec<&str> = roles.into_iter().flatten().map(|role| role.as_str()).collect();
    lines.push(format!("roles: {}", if roles.is_empty() { "none".to_owned() } else { roles.join(", ") }));
    let groups = inventory.groups.iter().map(|group| group.name.as_str());
    let groups: Vec<&str> = groups.filter(|group| inventory.members(group).contains(&name)).collect();
    lines.push(line(&format!("groups: {}", groups.join(", "))) + "\n");
    for (key, value) in &variables {
        let layers = inventory.layers_in(View::Runtime, name).into_iter().flatten();
        let mut layers: Vec<&Layer> = layers.filter(|layer| layer.variables.contains_key(key)).collect();
        layers.reverse(); // the one that counts first
        lines.push(line(&format!("{key}: {}", shown(key, value, layers.first().copied()))));
        if !layers.first().is_some_and(|layer| layer.is_secret()) {
            lines.extend(used(inventory, name, key, value).as_deref().map(line));
        }
        for (at, layer) in layers.into_iter().enumerate() {
            let owner = if layer.owner.is_empty() { String::new() } else { format!(" ({})", layer.owner) };
            let place = layer.place_of(key);
            lines.push(line(&match at {
                0 => format!("    {place}{owner}"),
                _ => format!("    over {place}{owner}: {}", shown(key, &layer.variables[key], Some(layer))),
            }));
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// What a template comes to, of the variables that tables and reports show anyway: another may be made of secrets.
fn used(inventory: &Inventory, host: &str, key: &str, value: &serde_json::Value) -> Option<String> {
    const SHOWN: [&str; 5] = ["ansible_host", "ansible_port", "ansible_user", "ip", "access_ip"];
    let templated = value.as_str().is_some_and(|text| text.contains("{{") || text.contains("{%"));
    (templated && SHOWN.contains(&key)).then(|| match inventory.value_of(host, key) {
        Ok(Some(value)) => format!("    used as {value}"),
        Ok(None) => "    left out".to_owned(),
        Err(unresolved) => format!("    not known: {}", unresolved.reason),
    })
}

fn shown(key: &str, value: &serde_json::Value, layer: Option<&Layer>) -> String {
    if layer.is_some_and(Layer::is_secret) || value.get("__ansible_vault").is_some() {
        return "(encrypted)".to_owned();
    }
    match redact::value(key, value) {
        serde_json::Value::String(stars) if stars == redact::STARS => stars,
        shown => serde_json::to_string(&Exact(&shown)).unwrap_or_default(),
    }
}
