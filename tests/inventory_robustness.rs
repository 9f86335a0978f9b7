//! Whatever lies in the files: an answer or one clear error, within bounds, never a panic.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

#[allow(dead_code)] // each test binary uses a part of it
#[path = "support/environment.rs"]
mod environment;
use std::path::Path;

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
    let folder = environment::folder();
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
        let folder = environment::folder();
        std::fs::create_dir(folder.path().join("group_vars")).unwrap();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\nn\n").unwrap();
        std::fs::write(folder.path().join("group_vars/all.yml"), &bytes).unwrap();
        let _ = load(&[folder.path().join("hosts")]);
    }

    #[test]
    fn no_extra_variables_make_a_parser_panic(word in "[a-c={}\\[\\]'\"\\\\ %#@/.,:uxN0-9\n-]{0,24}") {
        let folder = environment::folder();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\na\n").unwrap();
        let options = LoadOptions { extra_vars: vec![word], ..LoadOptions::default() };
        let _ = load_with(&[folder.path().join("hosts")], &options);
    }

    #[test]
    fn no_host_list_makes_a_parser_panic(list in "[a-c\\[\\]:, 0-9é-]{0,16},") {
        let options = LoadOptions::listing();
        let _ = load_with(&[list.into()], &options);
    }

    #[test]
    fn no_pattern_makes_the_limit_panic(pattern in "[a-c\\[\\]!&:,~*?@0-9-]{0,12}") {
        let folder = environment::folder();
        std::fs::write(folder.path().join("hosts"), "[kube_node]\na\nb1\nc[1:3]\n").unwrap();
        let _ = load(&[folder.path().join("hosts")]).unwrap().limit(&pattern);
    }
}

#[test]
fn each_broken_inventory_has_one_clear_diagnostic() {
    let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inventories/broken");
    let mut wrong = Vec::new();
    for (file, line, column, message, help) in BROKEN {
        let error = load(&[broken.join(file)]).expect_err(file);
        let [diagnostic] = error.diagnostics() else { panic!("{file}: {error}") };
        let found =
            format!("{}:{} {}; {}", diagnostic.line, diagnostic.column, diagnostic.message, diagnostic.help);
        let place = (diagnostic.line, diagnostic.column) == (*line, *column);
        if !(place && diagnostic.message.contains(message) && diagnostic.help.contains(help)) {
            wrong.push(format!("{file}: {found}"));
            continue;
        }
        assert!(diagnostic.offset <= diagnostic.source.len());
        assert!(error.to_string().contains(&format!("{file}:{line}:{column}: ")));
        assert!(!format!("{error:?}{}", diagnostic.source).contains("geheim"), "{file}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files = std::fs::read_dir(&broken).unwrap().count();
    assert_eq!(files, BROKEN.len(), "each file under broken/ is asserted");
}

const BROKEN: &[(&str, usize, usize, &str, &str)] = &[
    ("all-as-child.ini", 2, 1, "`all` as a child of `top` closes a circle", "remove one"),
    ("child-list.yml", 3, 14, "no group as a child", "hosts, children or vars"),
    ("equals-sign.yml", 2, 19, "a plain `=`", "quote it"),
    ("long-circle.yml", 4, 5, "closes a circle", "remove one"),
    ("many-hosts.ini", 3, 1, "more than 100000 hosts", "no inventory"),
    ("multiplied.ini", 2, 1, "more than 256 MiB", "no inventory"),
    ("not-utf8.yml", 2, 22, "not valid UTF-8", "save the file"),
    ("second-anchor.yml", 2, 28, "a second anchor `&x`", "name of its own"),
    ("tab-in-mapping.yml", 4, 1, "not valid YAML", "replace the tab"),
    ("two-documents.yml", 3, 1, "a second YAML document", "split the file"),
    ("unclosed-bracket.yml", 2, 24, "not valid YAML", "mend the YAML"),
    ("unhashable.ini", 2, 4, "only plain values", "YAML file"),
    ("address-master.csv", 1, 7, "`10.2.0.300` is not an IP address", "IPv4"),
    ("alias-bomb.yml", 6, 45, "aliases multiply", "write the values out"),
    ("blank-in-password.ini", 2, 27, "no `name=value`", "quote a value"),
    ("circle.ini", 6, 1, "closes a circle", "remove one"),
    ("circle.yml", 3, 5, "closes a circle", "remove one"),
    ("duplicate-worker.csv", 2, 1, "`work1` is listed twice", "remove one"),
    ("empty.yml", 1, 1, "empty inventory", "give groups"),
    ("fields-worker.csv", 1, 1, "1 fields instead of two", "hostname,ip"),
    ("group-name.ini", 1, 1, "no host has a role", "did you mean `kube_node`?"),
    ("host-list.yml", 3, 5, "a list where a mapping", "ending in a colon"),
    ("layout-address.yaml", 12, 13, "`10.1.0.256` is not an IP address", "IPv4"),
    ("layout-duplicate-address.yaml", 12, 13, "`10.1.0.1` is given twice", "its own"),
    ("layout-duplicate-host.yaml", 11, 15, "`pai-head` is given twice", "its own"),
    ("layout-key.yaml", 12, 5, "without `hostip`", "is `host-ip` meant to be `hostip`?"),
    ("layout-mark.yaml", 14, 17, "neither true nor false", "pai-worker: \"true\""),
    ("layout-memory.yaml", 5, 10, "`mem` of `gpu-machine`", "60Gi"),
    ("layout-no-address.yaml", 11, 5, "without `hostip`", "IP address"),
    ("layout-no-machines.yaml", 6, 14, "holds no host", "machine-list"),
    ("layout-no-master.yaml", 7, 3, "no machine is marked `pai-master`", "pai-master"),
    ("layout-no-worker.yaml", 7, 3, "no machine is marked `pai-worker`", "pai-worker"),
    ("layout-type.yaml", 13, 19, "`gpu-machne` is not in `machine-sku`", "did you mean `gpu-machine`?"),
    ("layout-upper-case.yaml", 11, 15, "upper-case", "lower case"),
    ("no-hosts.ini", 1, 1, "holds no host", "kube_control_plane"),
    ("no-roles.ini", 2, 1, "no host has a role", "kube_node"),
    ("not-utf8.ini", 2, 7, "not valid UTF-8", "save the file"),
    ("plugin.yml", 1, 9, "inventory plugin", "--list --yaml"),
    ("port.ini", 2, 1, "port of host `node1`", "65535"),
    ("range.ini", 2, 1, "`[` without `]`", "node[01:12]"),
    ("script.sh", 1, 1, "inventory script", "ansible-inventory -i"),
    ("section.ini", 1, 1, "kind `child`", "children"),
    ("tab.yml", 3, 1, "not valid YAML", "replace the tab"),
    ("tag.yml", 3, 8, "tag `!include`", "!vault"),
    ("template.yml", 3, 9, "a mapping as a key", "quote the value"),
    ("unclosed-quote.ini", 2, 24, "a quote that is not closed", "close it"),
    ("unclosed-quote.yml", 3, 15, "not valid YAML", "close the quote"),
    ("undeclared.ini", 2, 1, "`kube_nod` is not declared", "did you mean `kube_node`?"),
];

#[test]
fn files_that_are_no_inventories_cost_neither_time_nor_memory() {
    let folder = environment::folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let huge = folder.path().join("huge.yml");
    std::fs::File::create(&huge).unwrap().set_len(1 << 30).unwrap();
    let nested = "kube_node:\n  vars:\n    x: ".to_owned() + &"[".repeat(1 << 20);
    let values = "kube_node:\n  vars:\n    x:\n".to_owned() + &"    - a\n".repeat(1_000_000);
    let chain: String = (0..11_000).map(|at| format!("[g{}:children]\ng{at}\n", at + 1)).collect();
    let ranges = "[kube_node]\nn[1:99999][1:99999]\n";
    for (path, line, message) in [
        (huge, 1, "larger than 64 MiB"),
        (write("nested.yml", &nested), 3, "nested deeper than 128 levels"),
        (write("values.yml", &values), 1_000_001, "more than 1000000 values"),
        (write("chain.ini", &chain), 19_999, "more than 10000 groups"),
        (write("ranges.ini", ranges), 2, "more than 100000 hosts"),
    ] {
        let begin = std::time::Instant::now();
        let error = load(std::slice::from_ref(&path)).unwrap_err();
        let [diagnostic] = error.diagnostics() else { panic!("{error}") };
        assert!(diagnostic.message.contains(message), "{diagnostic:?}");
        assert_eq!(diagnostic.line, line, "{diagnostic:?}");
        assert!(begin.elapsed().as_secs() < 30, "{}: {:?}", path.display(), begin.elapsed());
    }
}

#[test]
fn many_groups_are_read_soon_and_the_first_circle_is_told() {
    let folder = environment::folder();
    let path = folder.path().join("hosts.ini");
    let mut chain: String = (0..9_000).map(|at| format!("[g{at}:children]\ng{}\n", at + 1)).collect();
    chain += "[g9000]\nn\n[kube_control_plane]\nn\n[kube_node]\nn\n";
    let mut dense = String::from("[kube_control_plane]\nn\n[kube_node]\nn\n");
    for at in 0..400 {
        dense += &format!("[d{at}]\n[d{at}:children]\n");
        dense.extend((at + 1..400).map(|child| format!("d{child}\n")));
    }
    dense += "[d399]\nn\n";
    for (text, groups) in [(chain.clone(), 9_000), (dense, 400)] {
        std::fs::write(&path, text).unwrap();
        let begin = std::time::Instant::now();
        let inventory = load(std::slice::from_ref(&path)).unwrap();
        assert!(begin.elapsed().as_secs() < 10, "{groups}: {:?}", begin.elapsed());
        assert!(inventory.groups.iter().count() > groups);
    }
    let circles = "[g9000:children]\ng8000\n[g8000:children]\ng1\n";
    std::fs::write(&path, chain + circles).unwrap();
    let error = load(std::slice::from_ref(&path)).unwrap_err();
    let [diagnostic] = error.diagnostics() else { panic!("{error}") };
    assert_eq!(diagnostic.line, 18_000 + 6 + 2, "{diagnostic:?}");
    assert!(diagnostic.message.contains("`g8000` as a child of `g9000`"), "{diagnostic:?}");
}

#[test]
fn pipes_in_folders_are_refused_and_pipes_that_are_named_are_heard() {
    let folder = environment::folder();
    let vars = folder.path().join("group_vars");
    std::fs::create_dir(&vars).unwrap();
    let inventory = folder.path().join("hosts");
    for pipe in [&vars.join("all"), &inventory] {
        assert!(environment::command("mkfifo").arg(pipe).status().unwrap().success());
    }
    let text = "[kube_control_plane]\nn\n[kube_node]\nn\n";
    let write = |pipe: &Path| {
        let pipe = pipe.to_owned();
        std::thread::spawn(move || std::fs::write(pipe, text).unwrap())
    };
    let writer = write(&inventory);
    let error = load(std::slice::from_ref(&inventory)).unwrap_err().to_string();
    writer.join().unwrap();
    assert!(error.contains("group_vars/all") && error.contains("a pipe"), "{error}");
    let told = match load(&[folder.path().to_owned()]) {
        Err(error) => error.to_string(),
        Ok(inventory) => inventory.warnings.join("\n"),
    };
    assert!(told.contains("a pipe"), "{told}");
    std::fs::remove_file(vars.join("all")).unwrap();
    let writer = write(&inventory);
    assert_eq!(load(std::slice::from_ref(&inventory)).unwrap().names(), ["n"]);
    writer.join().unwrap();
}
