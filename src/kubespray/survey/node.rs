//! What kubespray has run on one host, and what that takes of the host.

use serde_json::Value;

use super::findings::text_of;
use super::host::Members;
use super::networks::is_on;
use super::ports::{self, Parts};
use super::view::View;
use crate::facts::Fact;

/// What a fact of a node is told by.
const SOURCE: &str = "the inventory's groups and variables";

/// The modules that kube-proxy loads for IPVS, and that hosts are asked about (kube_proxy_ipvs_modules).
const IPVS: [&str; 4] = ["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh"];

/// One host as kubespray sees it.
pub(super) struct Node<'v, 'i> {
    view: &'v View<'i>,
    host: &'v str,
    parts: Parts,
}

impl<'v, 'i> Node<'v, 'i> {
    /// A host of these groups.
    pub(super) fn new(view: &'v View<'i>, members: &Members<'_>, host: &'v str) -> Self {
        let control_plane = members.control_plane.contains(host);
        let parts = Parts {
            kubelet: control_plane || members.nodes.contains(host),
            control_plane,
            etcd: members.etcd.contains(host),
        };
        Node { view, host, parts }
    }

    fn get(&self, name: &str) -> Result<Option<Value>, String> {
        Ok(self.view.told(self.host, name)?)
    }

    fn text(&self, name: &str) -> Result<String, String> {
        Ok(self.get(name)?.map(|value| text_of(&value)).unwrap_or_default())
    }

    fn is_on(&self, name: &str) -> Result<bool, String> {
        Ok(self.get(name)?.is_some_and(|value| is_on(&value)))
    }

    /// The TCP ports that what runs there listens on.
    pub(super) fn ports(&self) -> Fact<Vec<i64>> {
        fact(ports::ports(self.parts, &|name| match name {
            // Every release's default; that of the built-in table knows nothing of the inventory.
            "loadbalancer_apiserver_localhost" if self.view.written(self.host, name).is_none() => {
                Ok(Some(Value::Bool(self.get("loadbalancer_apiserver")?.is_none_or(|it| it.is_null()))))
            }
            name => self.get(name),
        }))
    }

    /// The kernel modules that are loaded there.
    pub(super) fn kernel_modules(&self) -> Fact<Vec<String>> {
        fact(self.modules())
    }

    fn modules(&self) -> Result<Vec<String>, String> {
        // Containers run where a kubelet does, and where etcd is one of Docker's.
        if !self.parts.kubelet {
            let of_docker = self.parts.etcd && self.text("etcd_deployment_type")? == "docker";
            return Ok(of_docker.then(|| "overlay".to_owned()).into_iter().collect());
        }
        let mut modules = ["br_netfilter", "overlay", "nf_conntrack"].map(str::to_owned).to_vec();
        // Releases before 2.32 load them without a kube-proxy, too, and stop where they are not there.
        let proxy = !(self.is_on("kube_proxy_remove")? && self.view.is_at_least((2, 32)));
        if proxy && self.text("kube_proxy_mode")? == "ipvs" {
            let own = match self.get("kube_proxy_ipvs_modules")? {
                Some(Value::Array(own)) => own.iter().map(text_of).collect(),
                _ => IPVS.map(str::to_owned).to_vec(),
            };
            modules.extend(own.into_iter().filter(|module| IPVS.contains(&module.as_str())));
        }
        Ok(modules)
    }

    /// The processors that kubeadm's preflight wants.
    pub(super) fn cpus_min(&self) -> Fact<i64> {
        fact(match self.parts.control_plane {
            true => self.ignores("NumCPU").map(|ignored| if ignored { 1 } else { 2 }),
            false => Ok(1),
        })
    }

    /// Whether kubeadm is told not to mind one of its preflight checks.
    pub(super) fn ignores(&self, check: &str) -> Result<bool, String> {
        let ignored = match self.get("kubeadm_ignore_preflight_errors")? {
            Some(Value::Array(names)) => names.iter().map(text_of).collect(),
            Some(Value::String(names)) => names.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => Vec::new(),
        };
        Ok(ignored.iter().any(|name| name.eq_ignore_ascii_case(check) || name.eq_ignore_ascii_case("all")))
    }

    /// Whether kubespray installs a time service there.
    pub(super) fn ntp_enabled(&self) -> Fact<bool> {
        fact(self.is_on("ntp_enabled"))
    }
}

fn fact<T>(told: Result<T, String>) -> Fact<T> {
    match told {
        Ok(value) => Fact::known(value, SOURCE),
        Err(reason) => Fact::unknown(reason, SOURCE),
    }
}
