//! Where the inventory has a host's images come from, and by which proxy.

use std::cell::OnceCell;

use secrecy::SecretString;
use serde_json::Value;

use super::findings::text_of;
use super::view::View;
use crate::facts::Fact;
use crate::facts::proxy::Proxy;
use crate::facts::registries::{DOCKER_HUB, base_url};

/// The variables that name registries, and what they are where nobody sets them. Of the last two no image is of a plain
/// deployment: they count where the inventory sets them.
const REPOSITORIES: [(&str, Option<&str>); 5] = [
    ("kube_image_repo", Some("registry.k8s.io")),
    ("quay_image_repo", Some("quay.io")),
    ("docker_image_repo", Some("docker.io")),
    ("gcr_image_repo", None),
    ("github_image_repo", None),
];

/// The registries of one host.
pub(super) struct Images<'v, 'i> {
    view: &'v View<'i>,
    host: &'v str,
    /// `containerd_registries_mirrors`, once it was asked for; null where the container manager is another.
    mirrors: OnceCell<Result<Value, String>>,
}

impl<'v, 'i> Images<'v, 'i> {
    /// Of a host.
    pub(super) fn new(view: &'v View<'i>, host: &'v str) -> Self {
        Images { view, host, mirrors: OnceCell::new() }
    }

    /// What has to answer: registries, each by its only mirror where there is one.
    pub(super) fn registries(&self) -> Fact<Vec<String>> {
        let mut sources: Vec<String> = Vec::new();
        let told = self.asked(&mut sources);
        let source = if sources.is_empty() { "kubespray's default".to_owned() } else { sources.join(", ") };
        match told {
            Ok(registries) => Fact::known(registries, source),
            Err(reason) => Fact::unknown(reason, source),
        }
    }

    fn asked(&self, sources: &mut Vec<String>) -> Result<Vec<String>, String> {
        let mut registries: Vec<String> = Vec::new();
        for (name, usual) in REPOSITORIES {
            let place = self.view.place(self.host, name);
            if place.is_none() && usual.is_none() {
                continue;
            }
            let repository = match self.view.told(self.host, name)? {
                Some(value) if !text_of(&value).is_empty() => text_of(&value),
                _ => usual.unwrap_or_default().to_owned(),
            };
            let registry = registry_of(&repository);
            sources.extend(place.filter(|place| !sources.contains(place)));
            // What it says instead may be a password.
            base_url(registry)
                .map_err(|_| format!("`{name}` does not begin with a registry's host[:port]"))?;
            let registry = match self.mirrors_of(registry)?.first() {
                Some(mirror) if base_url(registry).as_deref() != Ok(DOCKER_HUB) => mirror.clone(),
                _ => registry.to_owned(),
            };
            if !registries.contains(&registry) {
                registries.push(registry);
            }
        }
        Ok(registries)
    }

    /// The mirrors of docker.io, of which one or the hub itself has to answer.
    pub(super) fn hub_mirrors(&self) -> Fact<Vec<String>> {
        let source = "the inventory's variables";
        let told = || -> Result<Vec<String>, String> {
            let mut mirrors = self.mirrors_of("docker.io")?;
            if self.manager()? == "docker" {
                let own = self.view.told(self.host, "docker_registry_mirrors")?;
                mirrors.extend(own.iter().filter_map(Value::as_array).flatten().map(text_of));
            }
            mirrors.retain(|mirror| base_url(mirror).is_ok_and(|url| url != DOCKER_HUB));
            Ok(mirrors)
        };
        match told() {
            Ok(mirrors) => Fact::known(mirrors, source),
            Err(reason) => Fact::unknown(reason, source),
        }
    }

    fn manager(&self) -> Result<String, String> {
        Ok(self.view.told(self.host, "container_manager")?.map(|value| text_of(&value)).unwrap_or_default())
    }

    /// Where containerd asks instead of a registry (`containerd_registries_mirrors`).
    fn mirrors_of(&self, registry: &str) -> Result<Vec<String>, String> {
        let told = self.mirrors.get_or_init(|| match self.manager()?.as_str() {
            "containerd" => {
                Ok(self.view.told(self.host, "containerd_registries_mirrors")?.unwrap_or_default())
            }
            _ => Ok(Value::Null),
        });
        let entries = told.as_ref().map_err(Clone::clone)?.as_array().into_iter().flatten();
        let of = entries.filter(|entry| entry.get("prefix").and_then(Value::as_str) == Some(registry));
        let mirrors = of.filter_map(|entry| entry.get("mirrors")?.as_array()).flatten();
        let pulls = |mirror: &&Value| {
            let capabilities = mirror.get("capabilities").and_then(Value::as_array);
            capabilities.is_none_or(|all| all.iter().any(|one| one == "pull"))
        };
        let hosts = mirrors.filter(pulls).filter_map(|mirror| mirror.get("host")?.as_str());
        Ok(hosts.map(str::to_owned).collect())
    }

    /// The proxy that kubespray tells the host's container manager; what cannot be known is none.
    pub(super) fn proxy(&self) -> Option<Proxy> {
        let text = |name: &str| {
            let told = self.view.told(self.host, name).ok().flatten().map(|value| text_of(&value));
            told.filter(|text| !text.is_empty()).map(SecretString::from)
        };
        let proxy = Proxy {
            http: text("http_proxy"),
            https: text("https_proxy"),
            no: text("no_proxy").or_else(|| text("additional_no_proxy")),
        };
        (proxy.http.is_some() || proxy.https.is_some()).then_some(proxy)
    }
}

/// `registry.local:5000` of `registry.local:5000/kubespray`.
fn registry_of(repository: &str) -> &str {
    let start = repository.find("://").map_or(0, |at| at + 3);
    let end = repository[start..].find('/').map_or(repository.len(), |at| start + at);
    &repository[..end]
}
