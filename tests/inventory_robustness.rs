//! Whatever lies in the files: an answer or an error, never a panic.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use airworthy::inventory::{LoadOptions, load, load_with};
use proptest::prelude::*;

/// What parsers stumble over.
const PIECES: &[&str] = &[
    "[kube_node]\n",
    "[a:children]\n",
    "[a:vars]\n",
    "node[1:3]",
    "n:22",
    " a=",
    "'",
    "\"",
    "\\",
    "#",
    "\n",
    "\t",
    "all:\n",
    "  hosts:\n",
    "    n1:\n",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    "!vault ",
    "|\n",
    "{{ x }}",
    "1:30",
    "!unsafe ",
    "!!float ",
    "=",
    "hosts: ",
    "children: ",
    "all",
    "b'x'",
    "1+2j",
    "\\N{",
    "0x",
    ".",
    "-",
    "e+",
    "2001-01-01 1:22:33.4 +5",
    "machine-list:\n",
    "machine-sku:\n",
    "  - hostname: a\n",
    "    hostip: 10.0.0.1\n",
    "    machine-type: t\n",
    "mem: 6",
    "pai-master: \"true\"",
    "a,10.0.0.1\n",
    ",",
    "é",
    "\u{feff}",
];

/// Pieces that parsers care about, and noise between them.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn survive(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    match load(&[path]) {
        Ok(inventory) => {
            let _ = inventory.to_ansible_json();
            for name in inventory.names() {
                let layers = inventory.layers_of(name).unwrap();
                layers.for_each(|layer| layer.variables.keys().for_each(|key| drop(layer.place_of(key))));
            }
            let _ = inventory.limit("all");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in text(), name in prop::sample::select(
        &["hosts", "hosts.ini", "hosts.yml", "layout.yaml", "master.csv"][..]
    )) {
        survive(name, &bytes);
    }

    #[test]
    fn no_vars_file_makes_a_parser_panic(bytes in text()) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("group_vars")).unwrap();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\nn\n").unwrap();
        std::fs::write(folder.path().join("group_vars/all.yml"), &bytes).unwrap();
        let _ = load(&[folder.path().join("hosts")]);
    }

    #[test]
    fn no_extra_variables_make_a_parser_panic(word in "[a-c={}\\[\\]'\"\\\\ %#@/.,:uxN0-9\n-]{0,24}") {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\na\n").unwrap();
        let options = LoadOptions { extra_vars: vec![word], ..LoadOptions::default() };
        let _ = load_with(&[folder.path().join("hosts")], &options);
    }

    #[test]
    fn no_host_list_makes_a_parser_panic(list in "[a-c\\[\\]:, 0-9é-]{0,16},") {
        let options = LoadOptions { for_judging: false, ..LoadOptions::default() };
        let _ = load_with(&[list.into()], &options);
    }

    #[test]
    fn no_pattern_makes_the_limit_panic(pattern in "[a-c\\[\\]!&:,~*?@0-9-]{0,12}") {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\na\nb1\nc[1:3]\n").unwrap();
        let _ = load(&[folder.path().join("hosts")]).unwrap().limit(&pattern);
    }
}
