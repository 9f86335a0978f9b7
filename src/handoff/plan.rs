//! The command that hands over: program, words, folder, environment. Shown first, and started as it was shown.

use std::path::PathBuf;

use crate::redact;

/// What the deployment is; it decides the playbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A new cluster, or the same again.
    Deploy,
    /// More nodes.
    Scale,
    /// A newer release.
    Upgrade,
}

impl Stage {
    /// The playbook in the checkout; the first of these that is there.
    pub fn playbooks(self) -> &'static [&'static str] {
        match self {
            Stage::Deploy => &["cluster.yml"],
            Stage::Scale => &["scale.yml"],
            Stage::Upgrade => &["upgrade-cluster.yml", "upgrade_cluster.yml"],
        }
    }
}

/// What the command is made of. Paths are whole: it runs in the checkout.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// `ansible-playbook`.
    pub program: PathBuf,
    /// kubespray's checkout.
    pub checkout: PathBuf,
    /// The playbook's name there.
    pub playbook: String,
    /// Words for `-i`.
    pub inventories: Vec<String>,
    /// OpenPAI's variables, where they were written: they stand above those of the inventory.
    pub openpai_variables: Option<String>,
    /// `--limit`.
    pub limit: Option<String>,
    /// `-u`.
    pub user: Option<String>,
    /// `--private-key`.
    pub private_key: Option<String>,
    /// `-k`: Ansible asks itself.
    pub ask_pass: bool,
    /// `-K`: Ansible asks itself.
    pub ask_become_pass: bool,
    /// `-J`: Ansible asks itself.
    pub ask_vault_pass: bool,
    /// `--vault-password-file`.
    pub vault_password_files: Vec<String>,
    /// `--vault-id`.
    pub vault_ids: Vec<String>,
    /// Words for `-e`; none holds a secret.
    pub extra_vars: Vec<String>,
    /// `--forks`.
    pub forks: Option<u16>,
    /// `--timeout`, in seconds.
    pub timeout: Option<u16>,
    /// Whether any host key was taken when hosts were judged.
    pub any_host_key: bool,
    /// The user's own words after `--`.
    pub words: Vec<String>,
}

/// What will be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The program's path.
    pub program: PathBuf,
    /// Its words, without its own name.
    pub words: Vec<String>,
    /// Where it runs.
    pub folder: PathBuf,
    /// What is added to the environment.
    pub environment: Vec<(String, String)>,
}

impl Order {
    /// The command. As OpenPAI's own script has it where OpenPAI's variables were written: as root, with Python 3.
    pub fn plan(&self) -> Plan {
        let mut words: Vec<String> = Vec::new();
        let mut flag = |name: &str, value: Option<&str>| {
            words.push(name.to_owned());
            words.extend(value.map(str::to_owned));
        };
        self.inventories.iter().for_each(|inventory| flag("-i", Some(inventory)));
        flag(&self.playbook, None);
        flag("--become", None);
        if let Some(file) = &self.openpai_variables {
            flag("--become-user=root", None);
            flag("-e", Some("ansible_python_interpreter=/usr/bin/python3"));
            flag("-e", Some(&format!("@{file}")));
        }
        self.extra_vars.iter().for_each(|word| flag("-e", Some(word)));
        for (name, value) in
            [("--limit", &self.limit), ("--user", &self.user), ("--private-key", &self.private_key)]
        {
            if let Some(value) = value {
                flag(name, Some(value));
            }
        }
        for (name, wanted) in [
            ("--ask-pass", self.ask_pass),
            ("--ask-become-pass", self.ask_become_pass),
            ("--ask-vault-pass", self.ask_vault_pass),
        ] {
            if wanted {
                flag(name, None);
            }
        }
        self.vault_password_files.iter().for_each(|file| flag("--vault-password-file", Some(file)));
        self.vault_ids.iter().for_each(|id| flag("--vault-id", Some(id)));
        for (name, number) in [("--forks", self.forks), ("--timeout", self.timeout)] {
            if let Some(number) = number {
                flag(name, Some(&number.to_string()));
            }
        }
        words.extend(self.words.iter().cloned());
        let any = ("ANSIBLE_HOST_KEY_CHECKING".to_owned(), "False".to_owned());
        Plan {
            program: self.program.clone(),
            words,
            folder: self.checkout.clone(),
            environment: Vec::from_iter(self.any_host_key.then_some(any)),
        }
    }
}

impl Plan {
    /// The program and its words as they may be shown and kept: without the users and passwords of URLs.
    pub fn command(&self) -> Vec<String> {
        let program = self.program.display().to_string();
        std::iter::once(program)
            .chain(self.words.iter().map(|word| redact::text(word).into_owned()))
            .collect()
    }

    /// The command as a person would type it into a shell, in the checkout.
    pub fn shell_line(&self) -> String {
        let environment = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        let command = self.command();
        environment.chain(command.iter().map(|word| quoted(word))).collect::<Vec<_>>().join(" ")
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=@:,+%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            program: "/usr/bin/ansible-playbook".into(),
            checkout: "/srv/kubespray".into(),
            playbook: "cluster.yml".to_owned(),
            inventories: vec!["/srv/inv/hosts.yml".to_owned()],
            ..Order::default()
        }
    }

    #[test]
    fn a_kubespray_inventory_is_used_as_it_is() {
        let plan = order().plan();
        assert_eq!(plan.words, ["-i", "/srv/inv/hosts.yml", "cluster.yml", "--become"]);
        assert_eq!(plan.folder, PathBuf::from("/srv/kubespray"));
        assert_eq!(plan.environment, []);
    }

    #[test]
    fn openpai_is_run_as_its_own_script_does() {
        let order = Order { openpai_variables: Some("/srv/out/openpai.yml".to_owned()), ..order() };
        assert_eq!(
            order.plan().words[3..],
            [
                "--become",
                "--become-user=root",
                "-e",
                "ansible_python_interpreter=/usr/bin/python3",
                "-e",
                "@/srv/out/openpai.yml"
            ]
        );
    }

    #[test]
    fn every_flag_is_passed_on_and_the_users_words_come_last() {
        let order = Order {
            inventories: vec!["/a".to_owned(), "/b".to_owned()],
            limit: Some("node4".to_owned()),
            user: Some("ubuntu".to_owned()),
            private_key: Some("/k".to_owned()),
            ask_pass: true,
            ask_become_pass: true,
            ask_vault_pass: true,
            vault_password_files: vec!["/v".to_owned()],
            vault_ids: vec!["prod@/p".to_owned()],
            extra_vars: vec!["a=1".to_owned(), "@/vars.yml".to_owned()],
            forks: Some(20),
            timeout: Some(30),
            any_host_key: true,
            words: vec!["-v".to_owned(), "--tags".to_owned(), "etcd".to_owned()],
            ..order()
        };
        let plan = order.plan();
        assert_eq!(
            plan.words.join(" "),
            "-i /a -i /b cluster.yml --become -e a=1 -e @/vars.yml --limit node4 --user ubuntu --private-key /k \
             --ask-pass --ask-become-pass --ask-vault-pass --vault-password-file /v --vault-id prod@/p --forks 20 \
             --timeout 30 -v --tags etcd"
        );
        assert_eq!(plan.environment, [("ANSIBLE_HOST_KEY_CHECKING".to_owned(), "False".to_owned())]);
    }

    #[test]
    fn a_password_in_a_url_is_given_on_but_not_shown() {
        let word = "--tags=http://joe:s3cret@proxy:3128/x";
        let plan = Order { words: vec![word.to_owned()], ..order() }.plan();
        assert_eq!(plan.words.last().map(String::as_str), Some(word));
        let shown = plan.shell_line() + &plan.command().concat();
        assert!(!shown.contains("s3cret") && shown.contains("********@proxy:3128/x"), "{shown}");
    }

    #[test]
    fn the_line_for_people_is_quoted_for_a_shell() {
        let order = Order { extra_vars: vec!["a='b c'".to_owned(), String::new()], ..order() };
        assert_eq!(
            order.plan().shell_line(),
            r"/usr/bin/ansible-playbook -i /srv/inv/hosts.yml cluster.yml --become -e 'a='\''b c'\''' -e ''"
        );
    }
}
