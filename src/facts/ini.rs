//! Files of `[sections]` with `key=value` lines.

/// One `key=value` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'t> {
    /// Without brackets; empty before the first one.
    pub(super) section: &'t str,
    pub(super) key: &'t str,
    pub(super) value: &'t str,
}

/// Its entries in order; comments and other lines are left out.
pub(super) fn entries(text: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut section = "";
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if line.starts_with(['#', ';']) {
            return None;
        }
        if let Some(name) = line.strip_prefix('[') {
            section = name.split(']').next().unwrap_or(name);
            return None;
        }
        let (key, value) = line.split_once('=')?;
        Some(Entry { section, key: key.trim(), value: value.trim() })
    })
}
