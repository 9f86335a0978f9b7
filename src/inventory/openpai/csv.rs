//! OpenPAI's `master.csv` and `worker.csv`: a line `hostname,ip` for each machine, no header.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::read_beside;
use super::machine::{Machine, cluster};
use crate::inventory::cluster::Cluster;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::error::InventoryError;
use crate::inventory::source::{Mark, Reader, Source};
use crate::inventory::variables::Layer;
use crate::role::Role;

/// Reads the CSV files given, and the configuration beside the first.
pub(in crate::inventory) fn read(paths: &[PathBuf], reader: &mut Reader) -> Result<Cluster, InventoryError> {
    let mut machines: Vec<Machine> = Vec::new();
    let mut complaints = Vec::new();
    for path in paths {
        let role = role_of(path)?;
        let source = reader.read(path, path.parent().unwrap_or(Path::new("")))?;
        let before = complaints.len();
        let mut file = File { source: &source, role, from: machines.len(), machines: &mut machines };
        for (index, line) in source.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            complaints.extend(file.line(index + 1, line).err());
        }
        if complaints.len() == before && source.text.trim().is_empty() {
            let help = "write a line `hostname,ip` for each machine";
            complaints.push(source.complain(Mark::START, "the inventory holds no host", help));
        }
    }
    if !complaints.is_empty() {
        return Err(InventoryError::Invalid(complaints));
    }
    let mut warnings = Vec::new();
    let first = paths.first().map_or(Path::new(""), PathBuf::as_path);
    let (config, layer) = read_beside(first, reader, &mut warnings)?;
    Ok(cluster(machines, config, layer, warnings))
}

/// The file's name tells the role.
fn role_of(path: &Path) -> Result<Role, InventoryError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match (name.contains("master"), name.contains("worker")) {
        (true, false) => Ok(Role::Infra),
        (false, true) => Ok(Role::Worker),
        _ => Err(InventoryError::Unreadable {
            path: path.to_owned(),
            reason: "the name does not tell the role of its machines".to_owned(),
            help: "name it master.csv or worker.csv".to_owned(),
        }),
    }
}

struct File<'a> {
    source: &'a Arc<Source>,
    role: Role,
    /// Where this file's own machines begin.
    from: usize,
    machines: &'a mut Vec<Machine>,
}

impl File<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Diagnostic> {
        let fields = fields(line);
        let column =
            |field: usize| line.split(',').take(field).map(|text| text.chars().count() + 1).sum::<usize>();
        let complain = |field: usize, message: String, help: &str| {
            self.source.complain(Mark::new(number, column(field) + 1), message, help)
        };
        let [name, address] = fields.as_slice() else {
            let message = format!("{} fields instead of two", fields.len());
            return Err(complain(0, message, "write `hostname,ip`"));
        };
        if let Some(problem) = super::layout::host_name_problem(name) {
            return Err(complain(0, problem, "write the machine's host name in lower case"));
        }
        if address.parse::<IpAddr>().is_err() {
            let message = format!("`{address}` is not an IP address");
            return Err(complain(
                1,
                message,
                "write the machine's IPv4 or IPv6 address; a header line is not expected",
            ));
        }
        for (at, other) in self.machines.iter_mut().enumerate() {
            let (same_name, same_address) = (other.name == *name, other.address == *address);
            if same_name && same_address && at < self.from {
                other.roles.insert(self.role);
                return Ok(());
            }
            if same_name {
                let message = format!("host `{name}` is listed twice (first at {})", other.layer.origin);
                return Err(complain(0, message, "remove one of the lines"));
            }
            if same_address {
                let message = format!("`{address}` is already the address of `{}`", other.name);
                return Err(complain(1, message, "give each machine its own address"));
            }
        }
        let text = |text: &str| Value::String(text.to_owned());
        let variables = Map::from_iter([("hostname".into(), text(name)), ("ip".into(), text(address))]);
        let origin = format!("{}:{number}", self.source.path.display());
        self.machines.push(Machine {
            name: name.clone(),
            address: address.clone(),
            roles: BTreeSet::from([self.role]),
            accelerator: None,
            layout: None,
            layer: Layer::new(origin, variables),
        });
        Ok(())
    }
}

/// The fields of one line, quoted or not; empty ones at the end are tolerated.
fn fields(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(line.trim().as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    let mut fields: Vec<String> = record.iter().map(str::to_owned).collect();
    while fields.len() > 2 && fields.last().is_some_and(String::is_empty) {
        fields.pop();
    }
    fields
}
