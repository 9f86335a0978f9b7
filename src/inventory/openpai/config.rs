//! OpenPAI's `config.yaml`: who logs in, what is checked, and where images come from.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use super::mapping;
use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::error::InventoryError;
use crate::inventory::source::{Reader, Source};
use crate::inventory::variables::{Layer, boolean, text};
use crate::inventory::yaml::Node;

/// The settings that name a registry.
const REGISTRIES: [&str; 5] =
    ["docker_registry_domain", "docker_image_repo", "quay_image_repo", "gcr_image_repo", "kube_image_repo"];

/// What OpenPAI's `config.yaml` says, as far as it matters before deployment.
#[derive(Clone, Debug)]
pub struct OpenPaiConfig {
    /// The file, where there is one.
    pub file: Option<PathBuf>,
    /// `user`: who logs in to every machine.
    pub user: Option<String>,
    /// `password`: for login and sudo.
    pub password: Option<SecretString>,
    /// `ssh_key_file_path`, as written.
    pub ssh_key_file_path: Option<String>,
    /// `docker_check`: whether OpenPAI itself would check Docker. True by default.
    pub docker_check: bool,
    /// `resource_check`: whether OpenPAI itself would check memory and CPU. True by default.
    pub resource_check: bool,
    /// The registries named there (`docker_registry_domain`, `*_image_repo`), host and port only, each once.
    pub registries: Vec<String>,
    /// `openpai_docker_registry_mirrors`.
    pub registry_mirrors: Vec<String>,
    /// `openpai_docker_insecure_registries`.
    pub insecure_registries: Vec<String>,
    /// `docker_data_root`.
    pub docker_data_root: Option<String>,
    /// `docker_config_file_path`.
    pub docker_config_file_path: Option<String>,
    /// Everything the file says, passwords included; printed without the values. `None` where it says nothing.
    pub settings: Option<Layer>,
}

impl Default for OpenPaiConfig {
    fn default() -> Self {
        OpenPaiConfig {
            file: None,
            user: None,
            password: None,
            ssh_key_file_path: None,
            docker_check: true,
            resource_check: true,
            registries: Vec::new(),
            registry_mirrors: Vec::new(),
            insecure_registries: Vec::new(),
            docker_data_root: None,
            docker_config_file_path: None,
            settings: None,
        }
    }
}

/// The configuration beside a layout or CSV file, and what it says as variables; all defaults without one.
pub(super) fn read_beside(
    inventory: &Path,
    reader: &mut Reader,
    warnings: &mut Vec<String>,
) -> Result<(OpenPaiConfig, Option<Layer>), InventoryError> {
    let folder = inventory.parent().unwrap_or(Path::new(""));
    let Some(file) =
        ["config.yaml", "config.yml"].map(|name| folder.join(name)).into_iter().find(|f| f.exists())
    else {
        return Ok((OpenPaiConfig::default(), None));
    };
    let source = reader.read(&file, folder)?;
    let Some(root) = mapping(&source, warnings)? else {
        return Ok((OpenPaiConfig { file: Some(file), ..OpenPaiConfig::default() }, None));
    };
    let config = Settings { source: &source, root: &root }.config()?;
    let layer = Layer::new(file.display().to_string(), root.to_map());
    Ok((OpenPaiConfig { file: Some(file), settings: Some(layer.clone()), ..config }, Some(layer)))
}

struct Settings<'a> {
    source: &'a Arc<Source>,
    root: &'a Node,
}

impl Settings<'_> {
    fn config(&self) -> Result<OpenPaiConfig, Diagnostic> {
        let mut registries: Vec<String> = Vec::new();
        for name in REGISTRIES {
            let host = self.text(name)?.and_then(|repository| registry_of(&repository));
            registries.extend(host.filter(|host| !registries.contains(host)));
        }
        Ok(OpenPaiConfig {
            file: None,
            user: self.text("user")?,
            password: self.text("password")?.map(SecretString::from),
            ssh_key_file_path: self.text("ssh_key_file_path")?,
            docker_check: self.switch("docker_check")?,
            resource_check: self.switch("resource_check")?,
            registries,
            registry_mirrors: self.list("openpai_docker_registry_mirrors")?,
            insecure_registries: self.list("openpai_docker_insecure_registries")?,
            docker_data_root: self.text("docker_data_root")?,
            docker_config_file_path: self.text("docker_config_file_path")?,
            settings: None,
        })
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.root.get(name).map(|node| &**node).filter(|node| !node.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<String>, Diagnostic> {
        let Some(node) = self.get(name) else { return Ok(None) };
        let text = text(&node.to_json()).filter(|text| !text.is_empty());
        match text {
            None if node.text().is_none() => {
                let message = format!("`{name}` is {}", node.kind());
                Err(self.source.complain(node.mark, message, "write one text"))
            }
            text => Ok(text),
        }
    }

    /// A switch that is on unless it says otherwise.
    fn switch(&self, name: &str) -> Result<bool, Diagnostic> {
        let Some(node) = self.get(name) else { return Ok(true) };
        boolean(&node.to_json()).ok_or_else(|| {
            let message = format!("`{name}` is neither true nor false");
            self.source.complain(node.mark, message, "write true or false")
        })
    }

    fn list(&self, name: &str) -> Result<Vec<String>, Diagnostic> {
        let Some(node) = self.get(name) else { return Ok(Vec::new()) };
        let wrong = |node: &Node| {
            let message = format!("`{name}` holds {} where texts are listed", node.kind());
            self.source.complain(
                node.mark,
                message,
                "write a list: each registry on a line of its own behind `- `",
            )
        };
        let items = node.items().ok_or_else(|| wrong(node))?;
        items.iter().map(|item| text(&item.to_json()).ok_or_else(|| wrong(item))).collect()
    }
}

/// `mirror.local:5000` of `https://mirror.local:5000/team`; nothing for a template.
fn registry_of(repository: &str) -> Option<String> {
    let address = repository.split_once("://").map_or(repository, |(_, address)| address);
    let host = address.split('/').next().unwrap_or_default().trim();
    (!host.is_empty() && !repository.contains("{{")).then(|| host.to_owned())
}

/// A whole number, also one written as text.
pub(super) fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}
