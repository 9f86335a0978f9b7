//! A case of `cases.yaml`, and the files it comes down to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One place of an inventory, or of a host, that is broken.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    #[serde(default)]
    groups: BTreeMap<String, Option<Vec<String>>>,
    #[serde(default)]
    vars: Map<String, Value>,
    #[serde(default)]
    hosts: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    pub(crate) extra: Vec<String>,
    #[serde(default)]
    facts: BTreeMap<String, Facts>,
    /// The task at which Ansible stops.
    #[serde(default)]
    pub(crate) stops: Option<String>,
    /// The check that fails.
    #[serde(default)]
    pub(crate) finds: Option<String>,
}

/// What a host says of itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Facts {
    /// `ID` and `VERSION_ID` of os-release.
    pub(crate) os: [String; 2],
    pub(crate) memory_mb: i64,
    pub(crate) kernel: String,
    pub(crate) addresses: Vec<String>,
    /// Container managers that run.
    pub(crate) managers: Vec<String>,
}

impl Default for Facts {
    fn default() -> Self {
        Facts {
            os: ["ubuntu".to_owned(), "24.04".to_owned()],
            memory_mb: 8000,
            kernel: "6.8.0-45-generic".to_owned(),
            addresses: Vec::new(),
            managers: Vec::new(),
        }
    }
}

impl Facts {
    /// What Ansible calls the distribution.
    pub(crate) fn distribution(&self) -> &str {
        match self.os[0].as_str() {
            "ubuntu" => "Ubuntu",
            "arch" => "Archlinux",
            other => other,
        }
    }
}

/// The folder of this test.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential")
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let text = fs::read_to_string(here().join("cases.yaml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

impl Case {
    /// Every host, its own variables, and what it says of itself.
    pub(crate) fn hosts(&self) -> Vec<(String, Map<String, Value>, Facts)> {
        let mut names: Vec<String> = self.members().into_values().flatten().flatten().collect();
        names.sort();
        names.dedup();
        let host = |(number, name): (usize, String)| {
            let address = format!("10.0.0.{}", 11 + number);
            let mut variables = Map::from_iter([
                ("ansible_host".to_owned(), json!(address)),
                ("ip".to_owned(), json!(address)),
            ]);
            for (key, value) in self.hosts.get(&name).into_iter().flatten() {
                variables.insert(key.clone(), value.clone());
            }
            let mut facts = self.facts.get(&name).cloned().unwrap_or_default();
            if facts.addresses.is_empty() {
                facts.addresses.push(address);
            }
            (name, variables, facts)
        };
        names.into_iter().enumerate().map(host).collect()
    }

    /// Every group that the inventory has, and its hosts.
    fn members(&self) -> BTreeMap<String, Option<Vec<String>>> {
        let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let mut groups = BTreeMap::from([
            ("kube_control_plane".to_owned(), list(&["node1"])),
            ("etcd".to_owned(), list(&["node1", "node2", "node3"])),
            ("kube_node".to_owned(), list(&["node2", "node3"])),
        ]);
        groups.extend(self.groups.clone());
        groups.retain(|_, hosts| hosts.is_some());
        groups
    }

    /// Writes the inventory into a folder, as JSON, which is YAML.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let of = |hosts: &Vec<String>| -> Value {
            json!({"hosts": Value::Object(hosts.iter().map(|host| (host.clone(), json!({}))).collect())})
        };
        let children: Map<String, Value> = self
            .members()
            .iter()
            .filter_map(|(name, hosts)| Some((name.clone(), of(hosts.as_ref()?))))
            .collect();
        let hosts: Map<String, Value> =
            self.hosts().into_iter().map(|(name, variables, _)| (name, variables.into())).collect();
        let inventory = json!({"all": {"hosts": hosts, "children": children}});
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        let file = folder.join("hosts.yml");
        fs::write(&file, pretty(&inventory)).unwrap();
        if !self.vars.is_empty() {
            fs::create_dir_all(folder.join("group_vars")).unwrap();
            fs::write(folder.join("group_vars/all.yml"), pretty(&json!(self.vars))).unwrap();
        }
        file
    }
}
