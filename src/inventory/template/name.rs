//! Names and functions, as a template sees them.

use super::evaluate::{Args, Evaluation, Frame, Local};
use super::made::ListBuilder;
use super::stop::{Stop, Yield, short};
use super::value::Val;

impl<'v> Evaluation<'v, '_> {
    /// A name as a template sees it.
    pub(super) fn name(&mut self, name: &str, frame: &Frame<'v>) -> Yield<Val<'v>> {
        self.spend(frame.locals.len() / 8)?;
        match frame.locals.iter().rev().find(|(own, _)| own == name) {
            Some((_, Local::Value(value))) => return self.force(value.clone()),
            Some((_, Local::Position(at, length))) => return self.position(*at, *length),
            None => {}
        }
        match name {
            "groups"
            | "hostvars"
            | "group_names"
            | "inventory_hostname"
            | "inventory_hostname_short"
            | "inventory_dir"
                if self.scene.is_apart() =>
            {
                Err(Stop::undecidable(format!("`{name}`, which only an inventory says")))
            }
            "hostvars" => Ok(Val::Hostvars),
            "omit" => Ok(Val::Omit),
            "groups" => Ok(Val::Groups),
            _ => self.of_host(frame.host, name, true),
        }
    }

    /// What a host's variables say of a name. Some of them only its own templates see.
    pub(super) fn of_host(&mut self, host: usize, name: &str, own: bool) -> Yield<Val<'v>> {
        let hostname = self.scene.hosts().get(host).map(String::as_str).unwrap_or_default();
        match name {
            "inventory_hostname" => return self.text(hostname),
            "inventory_hostname_short" => {
                return self.text(hostname.split('.').next().unwrap_or_default());
            }
            "group_names" => {
                let scene = self.scene;
                return self.texts(scene.groups_of(host).iter().copied());
            }
            "inventory_dir" => {
                let folder = self.scene.folder(host).and_then(|folder| folder.to_str());
                let folder = folder.ok_or_else(|| Stop::undecidable("`inventory_dir`"))?;
                return self.text(folder);
            }
            "groups" | "hostvars" | "omit" => {
                return Err(Stop::undecidable(format!("`{name}` of another host")));
            }
            _ => {}
        }
        if name == "ansible_facts" && own {
            return Ok(Val::Facts(host));
        }
        if is_given_by_ansible(name) {
            return Err(Stop::undecidable(format!("`{name}`, which Ansible sets when it runs")));
        }
        if let Some(value) = self.variable(host, name)? {
            return Ok(value);
        }
        let fact = name.strip_prefix("ansible_");
        let scene = self.scene;
        if let Some(value) = fact.and_then(|fact| scene.fact(hostname, fact, |value| self.plain(value))) {
            return value;
        }
        match name {
            "ansible_host" if own => self.text(hostname),
            "ansible_port" => Ok(Val::undefined(name)),
            _ => match fact {
                Some(fact) => Err(Stop::missing_fact(hostname, fact)),
                None => Ok(Val::undefined(name)),
            },
        }
    }

    /// One of a host's `ansible_facts`.
    pub(super) fn gathered(&mut self, host: usize, fact: &str) -> Yield<Val<'v>> {
        let hostname = self.scene.hosts().get(host).map(String::as_str).unwrap_or_default();
        let scene = self.scene;
        let value = scene.fact(hostname, fact, |value| self.plain(value));
        value.unwrap_or_else(|| Err(Stop::missing_fact(hostname, fact)))
    }

    /// The functions that Jinja knows everywhere.
    pub(super) fn function(&mut self, name: &str, args: &Args<'v>) -> Yield<Val<'v>> {
        match name {
            "range" => {
                args.only(3, &[])?;
                let numbers: Vec<i64> = args
                    .given
                    .iter()
                    .map(|value| value.whole().ok_or_else(|| Stop::failed("`range` of what is no number")))
                    .collect::<Yield<_>>()?;
                let (start, stop, step) = match numbers[..] {
                    [stop] => (0, stop, 1),
                    [start, stop] => (start, stop, 1),
                    [start, stop, step] if step != 0 => (start, stop, step),
                    _ => return Err(Stop::failed("`range` without its numbers")),
                };
                let mut found = ListBuilder::default();
                let mut at = start;
                while if step > 0 { at < stop } else { at > stop } {
                    found.push(self, Val::Int(at))?;
                    at = at.saturating_add(step);
                }
                Ok(found.finish())
            }
            "dict" if args.given.is_empty() => {
                let mut entries = Vec::new();
                for (name, value) in &args.named {
                    entries.push((self.key(name)?, value.clone()));
                }
                self.mapping(entries, true)
            }
            "lookup" | "query" | "q" => {
                let plugin = match args.given.first() {
                    Some(Val::Text(plugin)) => short(plugin).into_owned(),
                    _ => "…".to_owned(),
                };
                Err(Stop::undecidable(format!("`{name}('{plugin}')`, a lookup")))
            }
            _ => Err(Stop::undecidable(format!("`{name}()`"))),
        }
    }
}

/// Names that Ansible itself sets in a run, and no inventory can.
fn is_given_by_ansible(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "ansible_check_mode",
        "ansible_config_file",
        "ansible_diff_mode",
        "ansible_facts",
        "ansible_forks",
        "ansible_inventory_sources",
        "ansible_limit",
        "ansible_play_batch",
        "ansible_play_hosts",
        "ansible_play_hosts_all",
        "ansible_play_name",
        "ansible_playbook_python",
        "ansible_run_tags",
        "ansible_skip_tags",
        "ansible_verbosity",
        "ansible_version",
        "environment",
        "inventory_file",
        "play_hosts",
        "playbook_dir",
        "role_path",
        "vars",
    ];
    NAMES.contains(&name)
}
