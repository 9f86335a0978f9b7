//! Groups, hosts and their inline variables while files are being read.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::inventory::diagnostic::Diagnostic;
use crate::inventory::source::Place;
use crate::inventory::variables::Variables;

/// The group that holds everything.
pub(in crate::inventory) const ALL: usize = 0;
/// The group of hosts that are in no other.
pub(in crate::inventory) const UNGROUPED: usize = 1;

/// More than this is no cluster, and would only cost memory: hosts, groups, groups of all hosts together, and bytes that
/// host ranges multiply.
const MAX_HOSTS: usize = 100_000;
const MAX_GROUPS: usize = 10_000;
const MAX_MEMBERSHIPS: usize = 5_000_000;
const MAX_COPIED: usize = 256 * 1024 * 1024;

/// A group and its direct members.
pub(in crate::inventory) struct GroupEntry {
    pub(in crate::inventory) name: String,
    pub(in crate::inventory) hosts: Vec<usize>,
    pub(in crate::inventory) children: Vec<usize>,
    pub(in crate::inventory) parents: Vec<usize>,
    pub(in crate::inventory) variables: Variables,
    /// Where it was first named.
    pub(in crate::inventory) place: Option<Place>,
    priority: i64,
    child: HashSet<usize>,
    member: HashSet<usize>,
}

/// A host and its inline variables.
pub(in crate::inventory) struct HostEntry {
    pub(in crate::inventory) name: String,
    pub(in crate::inventory) variables: Variables,
    /// Where it was first named.
    pub(in crate::inventory) place: Place,
}

/// A group, a child of it, and where that is written.
type Edge = (usize, usize, Place);

/// All groups and hosts, in the order of the files.
pub(in crate::inventory) struct Graph {
    pub(in crate::inventory) groups: Vec<GroupEntry>,
    pub(in crate::inventory) hosts: Vec<HostEntry>,
    group_index: HashMap<String, usize>,
    host_index: HashMap<String, usize>,
    copied: usize,
    /// Every membership of a group in a group that the files tell, in their order; until circles were looked for.
    edges: Vec<Edge>,
    /// Whether a mapping is merged into that of the same name.
    merging: bool,
}

impl Graph {
    /// With Ansible's own groups, `all` and `ungrouped`.
    pub(in crate::inventory) fn new() -> Self {
        let mut graph = Graph {
            groups: Vec::new(),
            hosts: Vec::new(),
            group_index: HashMap::new(),
            host_index: HashMap::new(),
            copied: 0,
            edges: Vec::new(),
            merging: false,
        };
        graph.add_group("all", None);
        graph.add_group("ungrouped", None);
        graph.link(ALL, UNGROUPED);
        graph
    }

    /// The same, by `hash_behaviour = merge`.
    pub(in crate::inventory) fn merging(self, merging: bool) -> Self {
        Graph { merging, ..self }
    }

    /// Sets a host's variable.
    pub(super) fn set_host_variable(&mut self, host: usize, name: String, value: Value, place: Place) {
        self.hosts[host].variables.set(name, value, place, self.merging);
    }

    /// Sets a host's variable as inventory files do: by its name, under which Ansible finds a group first.
    pub(super) fn set_variable_by_name(
        &mut self,
        host: usize,
        name: String,
        value: Value,
        place: &Place,
    ) -> Result<(), Diagnostic> {
        if let Some(group) = self.group(&self.hosts[host].name) {
            return self.set_group_variable(group, name, value, place);
        }
        self.set_host_variable(host, name, value, place.clone());
        Ok(())
    }

    pub(in crate::inventory) fn group(&self, name: &str) -> Option<usize> {
        self.group_index.get(name).copied()
    }

    /// The group of that name, new or not.
    pub(in crate::inventory) fn add_group(&mut self, name: &str, place: Option<Place>) -> usize {
        if let Some(at) = self.group(name) {
            return at;
        }
        self.groups.push(GroupEntry {
            name: name.to_owned(),
            hosts: Vec::new(),
            children: Vec::new(),
            parents: Vec::new(),
            variables: Variables::default(),
            place,
            priority: 1,
            child: HashSet::new(),
            member: HashSet::new(),
        });
        self.group_index.insert(name.to_owned(), self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// Refuses what only costs memory: too many hosts or groups, or a range that multiplies large variables.
    pub(super) fn admit(&mut self, hosts: usize, bytes: usize, place: &Place) -> Result<(), Diagnostic> {
        self.copied = self.copied.saturating_add(hosts.saturating_mul(bytes));
        let message = if self.hosts.len() + hosts > MAX_HOSTS {
            format!("more than {MAX_HOSTS} hosts")
        } else if self.groups.len() > MAX_GROUPS {
            format!("more than {MAX_GROUPS} groups")
        } else if self.copied > MAX_COPIED {
            format!("host ranges multiply this to more than {} MiB", MAX_COPIED >> 20)
        } else {
            return Ok(());
        };
        let help = "this is no inventory of one cluster; check what was given with -i";
        Err(place.complain(message, help).ours_alone())
    }

    /// Whether there is a host of that name.
    pub(in crate::inventory) fn knows_host(&self, name: &str) -> bool {
        self.host_index.contains_key(name)
    }

    /// The host of that name, new or not, as a member of the group. The port counts where it is first named.
    pub(in crate::inventory) fn add_host(
        &mut self,
        name: &str,
        group: usize,
        port: Option<u64>,
        place: &Place,
    ) -> usize {
        let host = match self.host_index.get(name) {
            Some(&at) => at,
            None => {
                let mut variables = Variables::default();
                if let Some(port) = port.filter(|&port| port > 0) {
                    variables.set("ansible_port".to_owned(), Value::from(port), place.clone(), false);
                }
                self.hosts.push(HostEntry { name: name.to_owned(), variables, place: place.clone() });
                self.host_index.insert(name.to_owned(), self.hosts.len() - 1);
                self.hosts.len() - 1
            }
        };
        if self.groups[group].member.insert(host) {
            self.groups[group].hosts.push(host);
        }
        host
    }

    /// Makes one group the child of another.
    pub(in crate::inventory) fn add_child(
        &mut self,
        parent: usize,
        child: usize,
        place: &Place,
    ) -> Result<(), Diagnostic> {
        if parent == child || child == ALL {
            return Err(self.circle(parent, child, place));
        }
        if !self.groups[parent].child.contains(&child) {
            self.link(parent, child);
            self.edges.push((parent, child, place.clone()));
        }
        Ok(())
    }

    fn circle(&self, parent: usize, child: usize, place: &Place) -> Diagnostic {
        let (parent, child) = (&self.groups[parent].name, &self.groups[child].name);
        let message = format!("group `{child}` as a child of `{parent}` closes a circle");
        place.complain(message, "remove one of the two memberships")
    }

    /// Complains about the first membership that closes a circle.
    fn refuse_circles(&mut self) -> Result<(), Diagnostic> {
        let edges = std::mem::take(&mut self.edges);
        if self.is_circular(&edges) {
            // Of the first `ends` memberships, the last one closes the first circle.
            let (mut open, mut ends) = (0, edges.len());
            while ends - open > 1 {
                let middle = open + (ends - open) / 2;
                if self.is_circular(&edges[..middle]) {
                    ends = middle;
                } else {
                    open = middle;
                }
            }
            let (parent, child, place) = &edges[ends - 1];
            return Err(self.circle(*parent, *child, place));
        }
        Ok(())
    }

    fn is_circular(&self, edges: &[Edge]) -> bool {
        let mut children = vec![Vec::new(); self.groups.len()];
        let mut waiting = vec![0_usize; self.groups.len()];
        for &(parent, child, _) in edges {
            children[parent].push(child);
            waiting[child] += 1;
        }
        let mut ready: Vec<usize> = (0..waiting.len()).filter(|&group| waiting[group] == 0).collect();
        let mut sorted = 0;
        while let Some(group) = ready.pop() {
            sorted += 1;
            for &child in &children[group] {
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(child);
                }
            }
        }
        sorted < waiting.len()
    }

    /// The group of that name below `all`, with these hosts besides those it has, as `group_by` makes it.
    pub(super) fn gather(&mut self, name: &str, hosts: &[usize]) -> usize {
        let group = self.add_group(name, None);
        self.link(ALL, group);
        let GroupEntry { hosts: members, member, .. } = &mut self.groups[group];
        members.extend(hosts.iter().copied().filter(|&host| member.insert(host)));
        group
    }

    fn link(&mut self, parent: usize, child: usize) {
        if self.groups[parent].child.insert(child) {
            self.groups[parent].children.push(child);
            self.groups[child].parents.push(parent);
        }
    }

    /// A group's inline variable; `ansible_group_priority` orders the group among its siblings instead.
    pub(in crate::inventory) fn set_group_variable(
        &mut self,
        group: usize,
        name: String,
        value: Value,
        place: &Place,
    ) -> Result<(), Diagnostic> {
        if name != "ansible_group_priority" {
            self.groups[group].variables.set(name, value, place.clone(), self.merging);
            return Ok(());
        }
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        self.groups[group].priority = number.ok_or_else(|| {
            place.complain("`ansible_group_priority` is not a whole number", "write a number such as 10")
        })?;
        Ok(())
    }

    /// Every group has `all` above it; `ungrouped` holds exactly the hosts that are in no other group. A host that is
    /// called like a group is warned of, as Ansible does, but for the bastion of kubespray's own sample.
    pub(in crate::inventory) fn reconcile(&mut self, warnings: &mut Vec<String>) -> Result<(), Diagnostic> {
        self.refuse_circles()?;
        warnings.extend((0..self.hosts.len()).filter_map(|host| self.warn_of_twin(host)));
        for group in 1..self.groups.len() {
            if self.groups[group].parents.is_empty() {
                self.link(ALL, group);
            }
        }
        let grouped: HashSet<usize> =
            self.groups[UNGROUPED + 1..].iter().flat_map(|group| group.hosts.iter().copied()).collect();
        let GroupEntry { hosts, member, .. } = &mut self.groups[UNGROUPED];
        hosts.retain(|host| !grouped.contains(host));
        let mut named_groups = Vec::new();
        for host in 0..self.hosts.len() {
            if grouped.contains(&host) || member.contains(&host) {
                continue;
            }
            // Ansible puts there what has that name, which is a group rather than a host.
            match self.group_index.get(&self.hosts[host].name) {
                Some(&group) if group > UNGROUPED => named_groups.push(group),
                _ => {
                    member.insert(host);
                    hosts.push(host);
                }
            }
        }
        for group in named_groups {
            self.link(UNGROUPED, group);
        }
        Ok(())
    }

    /// What to say of a host that has the name of a group.
    fn warn_of_twin(&self, host: usize) -> Option<String> {
        let HostEntry { name, variables, place } = &self.hosts[host];
        self.group(name).filter(|_| name != "bastion")?;
        let around = self.groups[UNGROUPED + 1..].iter().find(|group| group.member.contains(&host));
        let help = match around.filter(|_| variables.values.is_empty()) {
            Some(GroupEntry { name: around, .. }) => format!(
                "Ansible reads a host, too; if the group is meant, write it under `[{around}:children]` (in YAML under `children:` of \
                 `{around}`)"
            ),
            None => "Ansible mixes up their variables; rename one of the two".to_owned(),
        };
        let message = format!("`{name}` is the name of a host and of a group");
        Some(place.complain(message, help).to_string())
    }

    /// Every group above this one.
    pub(super) fn ancestors(&self, group: usize) -> Vec<usize> {
        let mut seen = vec![false; self.groups.len()];
        let (mut found, mut at, mut next) = (Vec::new(), 0, group);
        loop {
            let parents = self.groups[next].parents.iter().copied();
            found.extend(parents.filter(|&parent| !std::mem::replace(&mut seen[parent], true)));
            match found.get(at) {
                Some(&above) => next = above,
                None => return found,
            }
            at += 1;
        }
    }

    /// For each host, the groups it is in (itself or through children) but `all`, lowest precedence first:
    /// by depth, then priority, then name.
    pub(in crate::inventory) fn groups_by_host(&self) -> Result<Vec<Vec<usize>>, Diagnostic> {
        let mut sets: Vec<HashSet<usize>> = vec![HashSet::new(); self.hosts.len()];
        let mut memberships = 0;
        for (at, group) in self.groups.iter().enumerate() {
            if group.hosts.is_empty() {
                continue;
            }
            let mut groups = self.ancestors(at);
            groups.push(at);
            groups.retain(|&group| group != ALL);
            memberships += groups.len() * group.hosts.len();
            if let Some(place) = group.place.as_ref().filter(|_| memberships > MAX_MEMBERSHIPS) {
                let message = format!("hosts and groups make more than {MAX_MEMBERSHIPS} memberships");
                return Err(place.complain(message, "nest the groups less").ours_alone());
            }
            for &host in &group.hosts {
                sets[host].extend(&groups);
            }
        }
        let depths = self.depths();
        let order = |at: &usize| (depths[*at], self.groups[*at].priority, self.groups[*at].name.as_str());
        let sorted = |set: HashSet<usize>| {
            let mut groups: Vec<usize> = set.into_iter().collect();
            groups.sort_by(|a, b| order(a).cmp(&order(b)));
            groups
        };
        Ok(sets.into_iter().map(sorted).collect())
    }

    /// The longest way down from a group without parents.
    fn depths(&self) -> Vec<usize> {
        let mut waiting: Vec<usize> = self.groups.iter().map(|group| group.parents.len()).collect();
        let mut depths = vec![0; self.groups.len()];
        let mut ready: Vec<usize> = (0..self.groups.len()).filter(|&group| waiting[group] == 0).collect();
        while let Some(group) = ready.pop() {
            for &child in &self.groups[group].children {
                depths[child] = depths[child].max(depths[group] + 1);
                waiting[child] -= 1;
                if waiting[child] == 0 {
                    ready.push(child);
                }
            }
        }
        depths
    }
}
