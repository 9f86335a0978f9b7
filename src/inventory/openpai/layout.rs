//! OpenPAI's `layout.yaml`: kinds of machines (`machine-sku`) and the machines (`machine-list`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::config::{read_beside, whole};
use super::machine::{Machine, cluster};
use super::{mapping, quantity};
use crate::inventory::cluster::Cluster;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::error::InventoryError;
use crate::inventory::host::Layout;
use crate::inventory::nearest::{did_you_mean, nearest};
use crate::inventory::source::{Mark, Reader, Source};
use crate::inventory::variables::{Layer, boolean, text};
use crate::inventory::yaml::Node;
use crate::role::Role;

/// Whether a text is a layout, by its top-level keys.
pub(in crate::inventory) fn is_layout(text: &str) -> bool {
    text.lines().any(|line| ["machine-list:", "machine-sku:"].iter().any(|key| line.starts_with(key)))
}

/// Reads the one layout given, and the configuration beside it.
pub(in crate::inventory) fn read(paths: &[PathBuf], reader: &mut Reader) -> Result<Cluster, InventoryError> {
    let [path] = paths else {
        return Err(InventoryError::Unreadable {
            path: paths.last().cloned().unwrap_or_default(),
            reason: "a second layout".to_owned(),
            help: "give one layout with all machines".to_owned(),
        });
    };
    let source = reader.read(path, path.parent().unwrap_or(path))?;
    let mut warnings = Vec::new();
    let root = mapping(&source, &mut warnings)?;
    let mut layout = LayoutFile {
        source: &source,
        complaints: Vec::new(),
        warnings,
        kinds: BTreeMap::new(),
        seen: HashMap::new(),
    };
    let machines = layout.machines(root.as_deref());
    let LayoutFile { complaints, mut warnings, .. } = layout;
    if !complaints.is_empty() {
        return Err(InventoryError::Invalid(complaints));
    }
    let (config, layer) = read_beside(path, reader, &mut warnings)?;
    Ok(cluster(machines, config, layer, warnings))
}

/// What is wrong with a host name, if anything.
pub(super) fn host_name_problem(name: &str) -> Option<String> {
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        return Some(format!("host name `{name}` has upper-case letters, which Kubernetes refuses"));
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let sound = name.len() <= 253 && name.split('.').all(label);
    (!sound).then(|| format!("`{name}` is not a host name"))
}

/// A machine kind and the device it promises.
#[derive(Clone, Default)]
struct MachineKind {
    layout: Layout,
    accelerator: Option<String>,
}

struct LayoutFile<'a> {
    source: &'a Arc<Source>,
    complaints: Vec<Diagnostic>,
    warnings: Vec<String>,
    kinds: BTreeMap<String, MachineKind>,
    /// Host names and addresses, and the line of each.
    seen: HashMap<String, usize>,
}

impl LayoutFile<'_> {
    fn complain(&mut self, mark: Mark, message: impl Into<String>, help: impl Into<String>) {
        self.complaints.push(self.source.complain(mark, message, help));
    }

    fn machines(&mut self, root: Option<&Node>) -> Vec<Machine> {
        for (key, value) in root.and_then(|root| root.get("machine-sku")?.entries()).unwrap_or_default() {
            let name = key.as_key();
            let kind = self.kind(&name, value);
            self.kinds.insert(name, kind);
        }
        let list = root.and_then(|root| root.get("machine-list"));
        let Some(items) = list.and_then(|list| list.items()).filter(|items| !items.is_empty()) else {
            let mark = list.map_or(Mark::START, |list| list.mark);
            self.complain(mark, "the inventory holds no host", "list the machines under `machine-list`");
            return Vec::new();
        };
        let machines: Vec<Machine> = items.iter().filter_map(|item| self.machine(item)).collect();
        if self.complaints.is_empty() {
            let mark = list.map_or(Mark::START, |list| list.mark);
            self.check_roles(&machines, mark);
        }
        machines
    }

    fn check_roles(&mut self, machines: &[Machine], mark: Mark) {
        let count = |role: Role| machines.iter().filter(|machine| machine.roles.contains(&role)).count();
        for (role, key) in [(Role::Infra, "pai-master"), (Role::Worker, "pai-worker")] {
            if count(role) == 0 {
                let message = format!("no machine is marked `{key}`");
                self.complain(mark, message, format!("write `{key}: \"true\"` for at least one machine"));
            }
        }
        if count(Role::Infra) > 1 {
            let message = "more than one machine is marked `pai-master`; OpenPAI supports one";
            self.warnings.push(self.source.complain(mark, message, "").to_string());
        }
    }

    fn kind(&mut self, name: &str, node: &Node) -> MachineKind {
        let mut kind = MachineKind::default();
        kind.layout.machine_type = name.to_owned();
        if let Some(memory) = node.get("mem") {
            kind.layout.memory_mib = text(&memory.to_json()).and_then(|text| quantity::mebibytes(&text));
            if kind.layout.memory_mib.is_none() {
                let help = "write a Kubernetes quantity such as 60Gi";
                self.complain(memory.mark, format!("`mem` of `{name}` is no amount of memory"), help);
            }
        }
        kind.layout.cpus = self.count(node.get("cpu").and_then(|cpu| cpu.get("vcore")), "vcore");
        // Layouts before OpenPAI 1.0 say `gpu: {type, count}`, and mean NVIDIA.
        let device = node.get("computing-device").or_else(|| node.get("gpu"));
        if let Some(device) = device.filter(|device| !device.is_null()) {
            let field = |name: &str| device.get(name).and_then(|value| text(&value.to_json()));
            let old = node.get("computing-device").is_none();
            kind.layout.accelerator_count = self.count(device.get("count"), "count");
            kind.layout.accelerator_model = field(if old { "type" } else { "model" });
            kind.accelerator = if old { Some("nvidia.com/gpu".to_owned()) } else { field("type") };
            if kind.accelerator.is_none() {
                let help = "write the device plugin's resource, for example `type: nvidia.com/gpu`";
                self.complain(device.mark, format!("`computing-device` of `{name}` has no type"), help);
            }
        }
        kind
    }

    fn count(&mut self, node: Option<&std::rc::Rc<Node>>, name: &str) -> Option<u64> {
        let node = node.filter(|node| !node.is_null())?;
        let count = whole(&node.to_json());
        if count.is_none() {
            self.complain(node.mark, format!("`{name}` is not a whole number"), "write a number such as 4");
        }
        count
    }

    fn machine(&mut self, node: &Node) -> Option<Machine> {
        if node.entries().is_none() {
            self.complain(
                node.mark,
                format!("{} instead of a machine", node.kind()),
                "write `- hostname: …`",
            );
            return None;
        }
        let before = self.complaints.len();
        let name = self.required(node, "hostname", "give the machine's host name");
        if let Some((name, mark)) = &name {
            if let Some(problem) = host_name_problem(name) {
                self.complain(
                    *mark,
                    problem,
                    "write the machine's host name in lower case, as `hostname` prints it",
                );
            }
            self.once(name, *mark, "hostname");
        }
        let address = self.required(node, "hostip", "give the machine's IP address");
        if let Some((address, mark)) = &address {
            if address.parse::<IpAddr>().is_err() {
                let message = format!("`{address}` is not an IP address");
                self.complain(*mark, message, "write the machine's IPv4 or IPv6 address");
            } else {
                self.once(address, *mark, "hostip");
            }
        }
        let kind =
            self.required(node, "machine-type", "name one of `machine-sku`").and_then(|(kind, mark)| {
                let known = self.kinds.get(&kind).cloned();
                if known.is_none() {
                    let names = self.kinds.keys().map(String::as_str);
                    let help = did_you_mean(&kind, names, "name one that is listed under `machine-sku`");
                    self.complain(mark, format!("machine-type `{kind}` is not in `machine-sku`"), help);
                }
                known
            });
        let mut roles = BTreeSet::new();
        for (role, key) in [(Role::Infra, "pai-master"), (Role::Worker, "pai-worker")] {
            if self.marked(node, key) {
                roles.insert(role);
            }
        }
        if self.complaints.len() > before {
            return None;
        }
        let ((name, mark), (address, _), kind) = (name?, address?, kind?);
        if roles.is_empty() {
            let message = format!("`{name}` is neither pai-master nor pai-worker, and is left out");
            self.warnings.push(self.source.complain(mark, message, "").to_string());
        }
        let origin = format!("{}:{}", self.source.path.display(), node.mark.line);
        let layer = Layer::new(origin, node.to_map());
        let MachineKind { layout, accelerator } = kind;
        Some(Machine { name, address, roles, accelerator, layout: Some(layout), layer })
    }

    fn required(&mut self, node: &Node, key: &str, help: &str) -> Option<(String, Mark)> {
        let value = node.get(key).filter(|value| !value.is_null());
        let Some(value) = value else {
            let message = format!("a machine without `{key}`");
            let others = || node.entries().into_iter().flatten().filter(|(name, _)| name.text() != Some(key));
            let near = nearest(key, others().filter_map(|(name, _)| name.text()));
            let slip = near.and_then(|near| others().find(|(name, _)| name.text() == Some(near)));
            match slip {
                Some((name, _)) => {
                    let name_there = name.text().unwrap_or_default();
                    self.complain(name.mark, message, format!("is `{name_there}` meant to be `{key}`?"));
                }
                None => self.complain(node.mark, message, help),
            }
            return None;
        };
        let Some(text) = text(&value.to_json()) else {
            self.complain(value.mark, format!("`{key}` is {}", value.kind()), help);
            return None;
        };
        Some((text, value.mark))
    }

    fn once(&mut self, value: &str, mark: Mark, key: &str) {
        if let Some(line) = self.seen.insert(format!("{key} {value}"), mark.line) {
            let message = format!("{key} `{value}` is given twice (first at line {line})");
            self.complain(mark, message, "give each machine its own");
        }
    }

    /// `"true"`, as OpenPAI wants it; a boolean is understood, but OpenPAI would overlook it.
    fn marked(&mut self, node: &Node, key: &str) -> bool {
        let Some(value) = node.get(key).filter(|value| !value.is_null()) else { return false };
        let json = value.to_json();
        let Some(marked) = boolean(&json) else {
            let help = format!("write `{key}: \"true\"` or leave it out");
            self.complain(value.mark, format!("`{key}` is neither true nor false"), help);
            return false;
        };
        if marked && json.as_str() != Some("true") {
            let message = format!("OpenPAI overlooks `{key}` unless it is the text \"true\", in quotes");
            self.warnings.push(self.source.complain(value.mark, message, "").to_string());
        }
        marked
    }
}
