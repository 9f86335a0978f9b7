//! Which configuration counts where `ansible-playbook` is started in another folder than the user's own.

use super::ansible_config::AnsibleConfig;
use super::ssh_arguments::SshArguments;

/// Options of ssh that say how a host's key is checked.
const HOST_KEY_OPTIONS: [&str; 3] = ["userknownhostsfile", "globalknownhostsfile", "stricthostkeychecking"];

impl AnsibleConfig {
    /// The user's own, and of the playbook's what says how an inventory is read: which files are a part of it, and where the
    /// playbook's own variables are.
    #[must_use]
    pub fn reading_as(self, playbook: AnsibleConfig) -> AnsibleConfig {
        AnsibleConfig {
            playbook_dir: playbook.playbook_dir,
            ignored_endings: playbook.ignored_endings,
            ignored_endings_origin: playbook.ignored_endings_origin,
            keeps_facts_apart: playbook.keeps_facts_apart,
            ignored_patterns: playbook.ignored_patterns,
            merge_mappings: playbook.merge_mappings,
            ..self
        }
    }

    /// The playbook's, logins and all, for what is judged is then run; the user's own has a say in what is this program's
    /// affair alone (how many hosts at a time, how long to wait), and host keys are checked where either of the two wants it:
    /// kubespray's does not.
    #[must_use]
    pub fn running_as(self, playbook: AnsibleConfig) -> AnsibleConfig {
        let not_the_playbooks = self.not_in(&playbook);
        let unchecked = self.host_key_checking == Some(false) && playbook.host_key_checking == Some(false);
        let stricter = playbook.host_key_checking == Some(false) && !unchecked;
        let mut warnings = self.warnings;
        let more: Vec<String> =
            playbook.warnings.into_iter().filter(|warning| !warnings.contains(warning)).collect();
        warnings.extend(more);
        let kept = |words: Option<String>| match stricter {
            // What goes with not checking: `UserKnownHostsFile=/dev/null` knows no host.
            true => words.map(|words| SshArguments::line_without(&words, &HOST_KEY_OPTIONS)),
            false => words,
        };
        AnsibleConfig {
            inventory: self.inventory,
            forks: self.forks,
            timeout: self.timeout,
            host_key_checking: unchecked.then_some(false),
            ssh_args: kept(playbook.ssh_args),
            ssh_common_args: kept(playbook.ssh_common_args),
            ssh_extra_args: kept(playbook.ssh_extra_args),
            warnings,
            not_the_playbooks,
            ..playbook
        }
    }

    /// What of logins is set otherwise than in the playbook's.
    fn not_in(&self, playbook: &AnsibleConfig) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut differs = |name: &str, is: bool| names.extend(is.then(|| name.to_owned()));
        differs("remote_user", self.remote_user != playbook.remote_user);
        differs("private_key_file", self.private_key_file != playbook.private_key_file);
        differs("remote_port", self.remote_port != playbook.remote_port);
        // kubespray's own are about keeping connections open.
        differs("ssh_args", self.ssh_args.is_some() && self.ssh_args != playbook.ssh_args);
        differs("ssh_common_args", self.ssh_common_args != playbook.ssh_common_args);
        differs("ssh_extra_args", self.ssh_extra_args != playbook.ssh_extra_args);
        let unchecked = |config: &AnsibleConfig| config.host_key_checking == Some(false);
        differs("host_key_checking", unchecked(self) && !unchecked(playbook));
        differs("vault_password_file", self.vault_password_file != playbook.vault_password_file);
        differs("vault_identity_list", self.vault_identity_list != playbook.vault_identity_list);
        let stand_ins = |config: &AnsibleConfig| -> Vec<(String, String)> {
            let pairs = config.stand_ins.iter().map(|it| (it.variable.clone(), it.value.clone()));
            pairs.collect()
        };
        let (own, theirs) = (stand_ins(self), stand_ins(playbook));
        let changed = own.iter().filter(|it| !theirs.contains(it));
        for (variable, _) in changed.chain(theirs.iter().filter(|it| !own.contains(it))) {
            if !names.contains(variable) {
                names.push(variable.clone());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playbooks_logins_count_and_the_stricter_word_on_host_keys() {
        let own = AnsibleConfig {
            remote_user: Some("ann".to_owned()),
            host_key_checking: Some(false),
            forks: Some(7),
            warnings: vec!["a".to_owned()],
            ..AnsibleConfig::default()
        };
        let kubespray = AnsibleConfig {
            host_key_checking: Some(false),
            ssh_args: Some("-o ControlPersist=30m -o UserKnownHostsFile=/dev/null".to_owned()),
            forks: Some(9),
            warnings: vec!["a".to_owned(), "b".to_owned()],
            ..AnsibleConfig::default()
        };
        let both = own.clone().running_as(kubespray.clone());
        assert_eq!((both.remote_user, both.forks), (None, Some(7)));
        assert_eq!(both.host_key_checking, Some(false));
        assert_eq!(both.ssh_args, kubespray.ssh_args);
        assert_eq!(both.not_the_playbooks, ["remote_user"]);
        assert_eq!(both.warnings, ["a", "b"]);

        let strict = AnsibleConfig::default().running_as(kubespray);
        assert_eq!(strict.host_key_checking, None);
        assert_eq!(strict.ssh_args.as_deref(), Some("-o ControlPersist=30m"));
        assert_eq!(strict.not_the_playbooks, Vec::<String>::new());

        let theirs_checks = own.running_as(AnsibleConfig::default());
        assert_eq!(theirs_checks.host_key_checking, None);
        assert_eq!(theirs_checks.not_the_playbooks, ["remote_user", "host_key_checking"]);
    }
}
