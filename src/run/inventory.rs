//! `inventory`: hosts, roles and variables as understood.

use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};

use super::error::RunError;
use super::{reading, terminal};
use crate::checks::nearest;
use crate::cli::{Format, InventoryArgs};
use crate::exit_code;
use crate::inventory::{self, Host, Inventory};

/// Runs `inventory`.
pub(super) fn inventory(args: &InventoryArgs) -> Result<u8, RunError> {
    let config = reading::ansible_config()?;
    let paths = reading::inventories(&args.inventory, &config);
    if paths.is_empty() {
        return Err(RunError::flag(
            "--inventory",
            "name an inventory with -i; ansible.cfg names none either",
        ));
    }
    let inventory = inventory::load_with(&paths, &reading::options(&args.vault, &config)?)?;
    for warning in &inventory.warnings {
        terminal::note(&format!("airworthy: warning: {warning}"));
    }
    let text = match (&args.host, args.format) {
        (Some(name), format) => one(&inventory, name, format)?,
        (None, Format::Json) => pretty(&inventory.to_ansible_json()),
        (None, Format::Table) => {
            let hosts: Vec<&Host> = match &args.limit {
                Some(pattern) => inventory.limit(pattern)?,
                None => inventory.hosts.iter().collect(),
            };
            table(&hosts)
        }
    };
    terminal::out(&text).map_err(|error| RunError::file(Path::new("stdout"), &error))?;
    Ok(exit_code::GO)
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn table(hosts: &[&Host]) -> String {
    const HEADER: [&str; 6] = ["HOST", "ADDRESS", "PORT", "USER", "ROLES", "ACCELERATOR"];
    let row = |host: &&Host| {
        let roles: Vec<&str> = host.roles.iter().map(|role| role.as_str()).collect();
        [
            host.name.clone(),
            host.connection.address.clone(),
            host.connection.port.to_string(),
            host.connection.user.clone().unwrap_or_default(),
            roles.join(", "),
            host.accelerator.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<[String; 6]> = hosts.iter().map(row).collect();
    let wide = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([HEADER[column].len()]).max().unwrap_or(0) + 2
    };
    // Where it is narrow, a column in which nothing stands is left away.
    let narrow = (0..HEADER.len()).map(wide).sum::<usize>() > terminal::width();
    let shown: Vec<usize> = (0..HEADER.len())
        .filter(|column| !narrow || rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(terminal::width()).unwrap_or(u16::MAX));
    table.set_header(shown.iter().map(|column| HEADER[*column]));
    for row in &rows {
        table.add_row(shown.iter().map(|column| row[*column].clone()));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// One host's variables, each with where it came from. Passwords are starred out here; `--format json` prints
/// what Ansible prints.
fn one(inventory: &Inventory, name: &str, format: Format) -> Result<String, RunError> {
    let Some(variables) = inventory.vars_of(name) else {
        let near = nearest(name, inventory.names().iter().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(RunError::flag("--host", format!("the inventory has no host `{name}`{near}")));
    };
    if format == Format::Json {
        return Ok(pretty(&variables.into()));
    }
    let mut lines = Vec::new();
    for (key, value) in &variables {
        let layers = inventory.layers_of(name).into_iter().flatten();
        let layers: Vec<_> = layers.filter(|layer| layer.variables.contains_key(key)).collect();
        let origins: Vec<&str> = layers.iter().map(|layer| layer.origin.as_str()).collect();
        let encrypted = layers.last().is_some_and(|layer| layer.is_secret());
        let shown = if encrypted || value.get("__ansible_vault").is_some() {
            "(encrypted)".to_owned()
        } else if is_secret(key) {
            "********".to_owned()
        } else {
            value.to_string()
        };
        let from = match origins.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, overridden)) => format!("{last}, over {}", overridden.join(", ")),
            None => String::new(),
        };
        lines.push(format!("{key}: {shown}\n    {from}"));
    }
    Ok(lines.join("\n") + "\n")
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["pass", "secret", "token", "private_key_content"].iter().any(|word| key.contains(word))
}
