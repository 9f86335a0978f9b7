//! The name that was probably meant.

/// The candidate nearest to `name`, if one is near enough to be a slip of the finger.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within((name.chars().count() / 3).clamp(1, 3), name, candidates)
}

/// The candidate nearest to `name`, at most so many slips away.
pub fn nearest_within<'a>(
    slips: usize,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_', '.'], "_");
    let wanted = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` where there is a near name, else `otherwise`.
pub(super) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    nearest(name, candidates).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        assert_eq!(nearest("kube-nodes", ["etcd", "kube_node"]), Some("kube_node"));
        assert_eq!(nearest("gpu-machne", ["master-machine", "gpu-machine"]), Some("gpu-machine"));
        assert_eq!(nearest("web", ["etcd", "kube_node"]), None);
        assert_eq!(nearest("etdc", ["etcd", "kube_node"]), Some("etcd"));
    }
}
