//! What a check looks at: the subjects and fields that its conditions, its message and its remediation name.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Condition;
use super::message::Message;

/// What a check, or all checks of a catalog, look at.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    subjects: BTreeMap<String, Fields>,
}

/// What of a subject is looked at.
#[derive(Clone, Debug)]
pub(super) enum Fields {
    /// These of its fields.
    Named(BTreeSet<String>),
    /// The subject as a whole.
    All,
}

impl Fields {
    /// Whether this field is among them.
    pub(super) fn has(&self, field: &str) -> bool {
        match self {
            Fields::Named(names) => names.contains(field),
            Fields::All => true,
        }
    }
}

impl Outlook {
    /// What these conditions and these texts look at.
    pub(super) fn of<'c>(
        conditions: impl Iterator<Item = &'c Condition>,
        texts: impl Iterator<Item = &'c Message>,
    ) -> Outlook {
        let mut outlook = Outlook::default();
        for condition in conditions {
            for path in &condition.paths {
                if let Some(subject) = path.first() {
                    outlook.add(subject, path.get(1).map(String::as_str));
                }
            }
            condition.wholes.iter().for_each(|subject| outlook.add(subject, None));
        }
        for (subject, field) in texts.flat_map(Message::names) {
            outlook.add(subject, field);
        }
        outlook
    }

    /// What any of these looks at.
    pub(super) fn joined<'o>(outlooks: impl Iterator<Item = &'o Outlook>) -> Outlook {
        let mut joined = Outlook::default();
        for (subject, fields) in outlooks.flat_map(Outlook::subjects) {
            match fields {
                Fields::Named(names) => names.iter().for_each(|name| joined.add(subject, Some(name))),
                Fields::All => joined.add(subject, None),
            }
        }
        joined
    }

    fn add(&mut self, subject: &str, field: Option<&str>) {
        let fields = self.subjects.entry(subject.to_owned());
        let fields = fields.or_insert_with(|| Fields::Named(BTreeSet::new()));
        match (&mut *fields, field) {
            (Fields::Named(names), Some(field)) => _ = names.insert(field.to_owned()),
            (_, None) => *fields = Fields::All,
            (Fields::All, Some(_)) => {}
        }
    }

    /// Its subjects, each with what of it is looked at.
    pub(super) fn subjects(&self) -> impl Iterator<Item = (&str, &Fields)> {
        self.subjects.iter().map(|(subject, fields)| (subject.as_str(), fields))
    }

    /// What of this subject is looked at.
    pub(super) fn fields_of(&self, subject: &str) -> Option<&Fields> {
        self.subjects.get(subject)
    }

    /// Whether it looks at this field of this subject.
    pub(super) fn sees(&self, subject: &str, field: &str) -> bool {
        self.fields_of(subject).is_some_and(|fields| fields.has(field))
    }
}
