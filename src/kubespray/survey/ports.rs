//! The TCP ports that Kubernetes listens on, by what runs on a host.

use serde_json::Value;

use super::networks;

/// A port: the variable that may move it, or none, and its number where that says nothing.
type Port = (Option<&'static str>, i64);

/// What a variable is, `None` where nothing sets it; the error is the reason why that is not known.
type Told<'v> = &'v dyn Fn(&str) -> Result<Option<Value>, String>;

/// What of a cluster runs on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// A kubelet.
    pub(super) kubelet: bool,
    /// The API server, the scheduler and the controller manager.
    pub(super) control_plane: bool,
    /// A member of etcd.
    pub(super) etcd: bool,
}

/// Wherever a kubelet runs.
const KUBELET: [Port; 2] = [
    (None, 10248), // kubelet: health, on loopback (kubelet_healthz_port of the template)
    (None, 10250), // kubelet
];

/// There, too, unless `kube_proxy_remove`.
const KUBE_PROXY: [Port; 2] = [(None, 10249), (None, 10256)]; // metrics, health

/// There, too, with `enable_nodelocaldns`: NodeLocal DNSCache.
const NODE_LOCAL_DNS: [Port; 2] =
    [(Some("nodelocaldns_prometheus_port"), 9253), (Some("nodelocaldns_health_port"), 9254)];

/// The control plane.
const CONTROL_PLANE: [Port; 3] = [
    (Some("kube_apiserver_port"), 6443),
    (None, 10257), // controller manager
    (None, 10259), // scheduler
];

/// etcd: clients, peers.
const ETCD: [Port; 2] = [(None, 2379), (None, 2380)];

/// Nodes without an API server: nginx or haproxy leads to one.
const PROXY: [Port; 2] =
    [(Some("kube_apiserver_port"), 6443), (Some("loadbalancer_apiserver_healthcheck_port"), 8081)];

/// Up to Kubernetes 1.19 and 1.22: without TLS.
const INSECURE: [(Port, (u32, u32)); 2] = [((None, 10251), (1, 23)), ((None, 10252), (1, 22))];

/// What the network plugin listens on.
fn of_plugin(plugin: &str) -> &'static [Port] {
    match plugin {
        "calico" | "canal" => &[(Some("calico_bgp_listen_port"), 179), (None, 9099)],
        "cilium" => &[(None, 4240), (None, 9879)],
        "kube-router" => &[(None, 179), (None, 20244)],
        "weave" => &[(None, 6783), (None, 6784)],
        _ => &[],
    }
}

/// The ports of a host, sorted. What the variables do not tell is as always.
pub(super) fn ports(parts: Parts, value: Told<'_>) -> Result<Vec<i64>, String> {
    let text = |name: &str| Ok::<_, String>(value(name)?.and_then(|it| it.as_str().map(str::to_owned)));
    let is_on =
        |name: &str, usual: bool| Ok::<_, String>(value(name)?.map_or(usual, |it| networks::is_on(&it)));
    let mut wanted: Vec<Port> = Vec::new();
    if parts.kubelet {
        wanted.extend(KUBELET);
        if !is_on("kube_proxy_remove", false)? {
            wanted.extend(KUBE_PROXY);
        }
        if is_on("enable_nodelocaldns", true)? {
            wanted.extend(NODE_LOCAL_DNS);
        }
        wanted.extend(of_plugin(text("kube_network_plugin")?.as_deref().unwrap_or("calico")));
        // 0 is off, and in a list of ports to be free it is nothing.
        wanted.push((Some("kube_read_only_port"), 0));
    }
    if parts.control_plane {
        wanted.extend(CONTROL_PLANE);
        let version = text("kube_version")?.and_then(|version| minor(&version));
        let insecure = INSECURE.iter().filter(|(_, until)| version.is_some_and(|version| version < *until));
        wanted.extend(insecure.map(|(port, _)| *port));
    } else if parts.kubelet && is_on("loadbalancer_apiserver_localhost", true)? {
        wanted.extend(PROXY);
    }
    let of_kubeadm = || -> Result<bool, String> {
        let told = text("etcd_deployment_type")?.as_deref() == Some("kubeadm");
        Ok(told || is_on("etcd_kubeadm_enabled", false)?)
    };
    if parts.etcd || parts.control_plane && of_kubeadm()? {
        wanted.extend(ETCD);
    }
    let mut ports = Vec::new();
    for (variable, usual) in wanted {
        let told = variable.map(value).transpose()?.flatten();
        let own = told.and_then(|told| told.as_i64().or_else(|| told.as_str()?.trim().parse().ok()));
        ports.push(own.unwrap_or(usual));
    }
    ports.retain(|port| (1..=65535).contains(port));
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}

fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Parts, ports};

    const ALL: Parts = Parts { kubelet: true, control_plane: true, etcd: true };
    const NODE: Parts = Parts { kubelet: true, control_plane: false, etcd: false };
    const ETCD: Parts = Parts { kubelet: false, control_plane: false, etcd: true };

    #[test]
    fn variables_move_ports() {
        let value = |name: &str| -> Result<Option<Value>, String> {
            Ok(Some(match name {
                "kube_network_plugin" => json!("flannel"),
                "kube_version" => json!("v1.16.15"),
                "kube_apiserver_port" => json!("8443"),
                "kube_read_only_port" => json!(0),
                _ => return Ok(None),
            }))
        };
        let wanted = [2379, 2380, 8443, 9253, 9254, 10248, 10249, 10250, 10251, 10252, 10256, 10257, 10259];
        assert_eq!(ports(ALL, &value).as_deref(), Ok(wanted.as_slice()));
        let wanted = [8081, 8443, 9253, 9254, 10248, 10249, 10250, 10256];
        assert_eq!(ports(NODE, &value).as_deref(), Ok(wanted.as_slice()));
        let usual = ports(ALL, &|_| Ok(None)).expect("known");
        assert!(usual.contains(&179) && !usual.contains(&10251) && !usual.contains(&8081));
    }

    #[test]
    fn what_does_not_run_takes_no_port() {
        let off = |name: &str| -> Result<Option<Value>, String> {
            Ok(match name {
                "enable_nodelocaldns" | "loadbalancer_apiserver_localhost" => Some(json!(false)),
                "kube_proxy_remove" => Some(json!("true")),
                "kube_network_plugin" => Some(json!("cni")),
                "etcd_deployment_type" => Some(json!("kubeadm")),
                _ => None,
            })
        };
        assert_eq!(ports(NODE, &off).as_deref(), Ok([10248, 10250].as_slice()));
        let control_plane = Parts { etcd: false, ..ALL };
        let wanted = [2379, 2380, 6443, 10248, 10250, 10257, 10259];
        assert_eq!(ports(control_plane, &off).as_deref(), Ok(wanted.as_slice()));
        // A host for etcd alone.
        assert_eq!(ports(ETCD, &|_| Ok(None)).as_deref(), Ok([2379, 2380].as_slice()));
    }

    #[test]
    fn what_is_not_known_makes_the_ports_unknown() {
        let told = |name: &str| match name {
            "kube_apiserver_port" => Err("a lookup".to_owned()),
            _ => Ok(None),
        };
        assert_eq!(ports(NODE, &told), Err("a lookup".to_owned()));
        assert!(ports(ETCD, &told).is_ok());
    }
}
