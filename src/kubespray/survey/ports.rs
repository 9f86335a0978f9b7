//! The TCP ports that a release's defaults have Kubernetes listen on, by what a host is for.

use serde_json::Value;

/// A port: the variable that may move it, or none, and its number where that says nothing.
type Port = (Option<&'static str>, i64);

/// Wherever a kubelet runs.
const NODE: [Port; 6] = [
    (None, 10248), // kubelet: health, on loopback (kubelet_healthz_port of the template)
    (None, 10249), // kube-proxy: metrics
    (None, 10250), // kubelet
    (None, 10256), // kube-proxy: health
    (Some("nodelocaldns_prometheus_port"), 9253), // NodeLocal DNSCache: metrics
    (Some("nodelocaldns_health_port"), 9254), // NodeLocal DNSCache: health
];

/// The control plane.
const CONTROL_PLANE: [Port; 5] = [
    (Some("kube_apiserver_port"), 6443),
    (None, 10257), // controller manager
    (None, 10259), // scheduler
    (None, 2379),  // etcd: clients
    (None, 2380),  // etcd: peers
];

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

/// The ports of control plane and etcd hosts, and those of other nodes, each sorted. `value` tells variables; what it does
/// not tell is as always.
pub(super) fn ports(value: &dyn Fn(&str) -> Option<Value>) -> (Vec<i64>, Vec<i64>) {
    let number = |(variable, usual): &Port| {
        let told = variable.and_then(value);
        told.and_then(|told| told.as_i64().or_else(|| told.as_str()?.trim().parse().ok())).unwrap_or(*usual)
    };
    let text = |name: &str| value(name).and_then(|value| value.as_str().map(str::to_owned));
    let plugin = text("kube_network_plugin").unwrap_or_else(|| "calico".to_owned());
    let mut common: Vec<i64> = NODE.iter().chain(of_plugin(&plugin)).map(number).collect();
    // 0 is off, and in a list of ports to be free it is nothing.
    if let Some(read_only) =
        value("kube_read_only_port").and_then(|port| port.as_i64()).filter(|port| *port != 0)
    {
        common.push(read_only);
    }
    let kubernetes = text("kube_version").and_then(|version| {
        let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    });
    let insecure = INSECURE.iter().filter(|(_, until)| kubernetes.is_some_and(|version| version < *until));
    let mut infra: Vec<i64> = common.clone();
    infra.extend(CONTROL_PLANE.iter().chain(insecure.map(|(port, _)| port)).map(number));
    let mut worker = common;
    worker.extend(PROXY.iter().map(number));
    for ports in [&mut infra, &mut worker] {
        ports.retain(|port| (1..=65535).contains(port));
        ports.sort_unstable();
        ports.dedup();
    }
    (infra, worker)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ports;

    #[test]
    fn variables_move_ports() {
        let value = |name: &str| -> Option<Value> {
            Some(match name {
                "kube_network_plugin" => json!("flannel"),
                "kube_version" => json!("v1.16.15"),
                "kube_apiserver_port" => json!("8443"),
                "kube_read_only_port" => json!(0),
                _ => return None,
            })
        };
        let (infra, worker) = ports(&value);
        let wanted = [2379, 2380, 8443, 9253, 9254, 10248, 10249, 10250, 10251, 10252, 10256, 10257, 10259];
        assert_eq!(infra, wanted);
        assert_eq!(worker, [8081, 8443, 9253, 9254, 10248, 10249, 10250, 10256]);
        let (infra, worker) = ports(&|_| None);
        assert!(infra.contains(&179) && !infra.contains(&10251) && worker.contains(&6443));
    }
}
