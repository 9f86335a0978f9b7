//! Exit statuses, streams and complaints of every command, as a user meets them.

use crate::harness::{Bench, validates};

/// A check of this machine that is GO wherever the tests run.
const GO: [&str; 7] = ["check", "--as", "worker", "--select", "cpu-count", "--set", "worker_cpus=1"];

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    first.iter().chain(more).copied().collect()
}

#[test]
fn the_exit_status_tells_go_no_go_and_could_not_run() {
    let bench = Bench::new();
    assert_eq!(bench.run(&GO).code, 0);
    assert_eq!(bench.run(&with(&GO[..5], &["--set", "worker_cpus=100000"])).code, 1);
    assert_eq!(bench.run(&with(&GO, &["--report", "json=/nonexistent/x"])).code, 2);
    assert_eq!(bench.run(&["list"]).code, 0);
    assert_eq!(bench.run(&["--version"]).code, 0);
    assert_eq!(bench.run(&["check", "--help"]).code, 0);
}

#[test]
fn stdout_is_one_json_document_that_is_valid() {
    let bench = Bench::new();
    let schema = bench.run(&["schema", "report"]).json();
    for args in [&GO[..], &["check", "--as", "worker"], &["check", "--as", "infra"], &["check"]] {
        let ran = bench.run(&with(args, &["--format", "json"]));
        assert!(ran.code < 2, "{ran:?}");
        assert_eq!(ran.err, "", "nothing else is said where there is no terminal");
        validates(&schema, &ran.json());
    }
}

#[test]
fn reports_into_files_are_those_that_stdout_would_be() {
    let bench = Bench::new();
    let ran = bench.run(&with(&GO, &["--report", "json=r.json", "--report", "table=r.txt"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(bench.read("r.txt"), ran.out);
    validates(
        &bench.run(&["schema", "report"]).json(),
        &serde_json::from_str(&bench.read("r.json")).expect("JSON"),
    );
    let names: Vec<String> = std::fs::read_dir(bench.path())
        .expect("readable")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "nothing half-written is left: {names:?}");
}

#[test]
fn nothing_applied_is_no_pass() {
    let bench = Bench::new();
    bench.run(&["check", "--as", "devbox", "--select", "gpu-present"]).complains(&["nothing was judged"]);
}

#[test]
fn wrong_flags_are_told_with_what_was_expected() {
    let bench = Bench::new();
    bench.write("file", "");
    std::fs::create_dir(bench.path().join("empty")).expect("made");
    let cases: [(&[&str], &[&str]); 38] = [
        (&["--helper-dir", "file"], &["--helper-dir", "file is no folder", "airworthy-nvml"]),
        (&["--nvml", "maybe"], &["possible values: auto, always, never"]),
        (&["--set", "foo"], &["--set", "`foo` is not KEY=VALUE", "worker_cpus=8"]),
        (&["--set", "worker_cpu=1"], &["no parameter `worker_cpu`", "did you mean `worker_cpus`?"]),
        (&["--set", "zzzzzzzzzz=1"], &["no parameter", "there are: cgroup_v1_controllers"]),
        (&["--set", "worker_cpus=x"], &["--set: worker_cpus: it must be a whole number, not the text \"x\""]),
        (&["--set", "worker_cpus=1.5"], &["worker_cpus: it must be a whole number, not 1.5"]),
        (&["--set", "worker_cpus="], &["must be a whole number, not nothing", "give it a value"]),
        (&["--set", "worker_cpus=99999999999999999999"], &["worker_cpus: it must be a whole number"]),
        (&["--set", "worker_cpus=-1"], &["worker_cpus: -1 is not a whole number that is 0 or more"]),
        (
            &["--set", "docker_check=maybe"],
            &["docker_check: it must be true or false, not the text \"maybe\""],
        ),
        (&["--set", "registries=5"], &["registries: it must be a list, not 5", "write it as [5]"]),
        (&["--set", "registries=docker.io"], &["not the text \"docker.io\"; write it as [docker.io]"]),
        (&["--set", "registries=[5]"], &["registries: an element must be a text, not 5"]),
        (
            &["--set", "kube_pods_subnet=10.0.0.0"],
            &["kube_pods_subnet: \"10.0.0.0\" is not a network", "prefix is missing"],
        ),
        (
            &["--set", "clock_skew_max_ms=-5"],
            &["clock_skew_max_ms: -5 is not a whole number that is 1 or more"],
        ),
        (&["--set", "os_supported=[22.04]"], &["put it into quotes: \"22.04\""]),
        (&["--set", "registries=[a"], &["the value of `registries` is not YAML", "in the shell's quotes"]),
        (&["--set", "registries=[!x a]"], &["tag"]),
        (&["--set", "registries=[\"ftp://x\"]"], &["neither http:// nor https://"]),
        (&["--set", "stage=rerun"], &["--stage"]),
        (&["--select", "dokcer-running"], &["--select", "did you mean `docker-running`?", "airworthy list"]),
        (&["--select", "dokcer"], &["did you mean `docker-*`?"]),
        (&["--skip", "nope"], &["--skip", "`nope` names no check"]),
        (&["--report", "json"], &["expected FORMAT=PATH"]),
        (&["--report", "xml=x"], &["no format `xml`", "table, json"]),
        (&["--report", "json="], &["the path is empty"]),
        (&["--report", "json=/nonexistent/x"], &["/nonexistent/x", "No such file"]),
        (&["--report", "json=empty"], &["it is a folder"]),
        (&["--save-facts", "file"], &["it is a file, and a folder is wanted"]),
        (&["--profile", "opnpai"], &["profile opnpai", "base, kubespray, openpai", "./mine.yaml"]),
        (&["--profile", "./nope.yaml"], &["./nope.yaml", "No such file"]),
        (&["--checks", "nope"], &["nope", "No such file"]),
        (&["--checks", "empty"], &["holds no check file"]),
        (&["--limit", "x"], &["name one with -i"]),
        (&["--fail-on", "info"], &["possible values: error, warning"]),
        (&["--facts-max-age", "15m"], &["cannot be used with"]),
        (&["--facts", "empty"], &["cannot be used with"]),
    ];
    for (args, wanted) in cases {
        let ran = bench.run(&with(&["check", "--as", "worker"], args));
        assert_eq!(ran.code, 2, "{args:?} is no mistake");
        ran.complains(wanted);
    }
}

#[test]
fn the_other_commands_complain_as_well() {
    let bench = Bench::new();
    bench.write("hosts.yaml", "all: {children: {kube_node: {hosts: {node1: {ansible_host: 192.0.2.7}}}}}\n");
    for (args, wanted) in [
        (&["check", "--facts-max-age", "15m"][..], &["--facts <PATH>"][..]),
        (&["check", "--facts", ".", "--facts-max-age", "15"], &["90s, 15m, 2h or 1d"]),
        (&["explain", "docker-runing"][..], &["did you mean `docker-running`?"][..]),
        (&["explain", "qqqqqqq"], &["no check `qqqqqqq`", "airworthy list"]),
        (&["list", "--profile", "x"], &["there are: base, kubespray, openpai"]),
        (&["inventory", "-i", "nope"], &["nope"]),
        (&["inventory", "-i", "hosts.yaml", "--host", "nod1"], &["did you mean `node1`?"]),
        (&["inventory", "-i", "hosts.yaml", "--limit", "zzz"], &["zzz"]),
        (&["check-file", "nope.yaml"], &["nope.yaml", "No such file"]),
        (&["schema", "reprt"], &["report, facts, handoff, check, profile, config"]),
        (&["completions", "csh"], &["bash"]),
        (&["facts", "--transcript", "nope"], &["nope", "No such file"]),
        (&["facts", "--script", "--nvml", "always"], &["--nvml", "nobody to ask"]),
        (&["facts", "--transcript", "/dev/null"], &["not our script"]),
        (&["chekc"], &["check"]),
        (&[], &["Usage"]),
    ] {
        let ran = bench.run(args);
        if args.is_empty() || args[0] != "inventory" {
            ran.complains(wanted);
        } else {
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
            assert!(wanted.iter().all(|wanted| ran.err.contains(wanted)), "{ran:?}");
        }
    }
}

#[test]
fn list_explain_and_inventory_show_what_they_should() {
    let bench = Bench::new();
    let listed = bench.run(&["list", "--format", "json"]).json();
    let ids: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|row| row["id"].as_str()).collect();
    assert!(ids.len() > 30 && ids.is_sorted(), "{ids:?}");
    for id in &ids {
        let ran = bench.run(&["explain", id]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.starts_with(&format!("{id}: ")), "{}", ran.out);
        for part in ["\nWhy\n", "\nWanted\n", "\nRead\n", "\nRemedy\n"] {
            assert!(ran.out.contains(part) || part == "\nRead\n", "{id}: {part}");
        }
    }
    let shown = bench.run(&["explain", "docker-running"]).out;
    assert!(shown.contains("docker_check = true"), "a parameter of `when` is told: {shown}");

    bench.write(
        "hosts.yaml",
        "all: {children: {kube_node: {hosts: {node1: {ansible_host: 192.0.2.7, ansible_password: geheim}}}}}\n",
    );
    let table = bench.run(&["inventory", "-i", "hosts.yaml"]);
    assert!(table.out.contains("node1") && table.out.contains("192.0.2.7"), "{table:?}");
    let narrow = bench.run_with(&["inventory", "-i", "hosts.yaml"], &[("COLUMNS", "40")]);
    assert!(narrow.out.contains("node1") && narrow.out.contains("192.0.2.7"), "{narrow:?}");
    assert!(narrow.out.lines().all(|line| line.chars().count() <= 40), "{narrow:?}");
    let one = bench.run(&["inventory", "-i", "hosts.yaml", "--host", "node1"]);
    assert!(one.out.contains("hosts.yaml:1") && !one.out.contains("geheim"), "{one:?}");
    let json = bench.run(&["inventory", "-i", "hosts.yaml", "--format", "json"]).json();
    assert_eq!(json["_meta"]["hostvars"]["node1"]["ansible_host"], "192.0.2.7");
}

#[test]
fn inventory_tells_places_run_time_groups_and_extra_variables() {
    let bench = Bench::new();
    bench.write(
        "hosts.ini",
        "[kube_control_plane]\nn1 who=line secret=geheim\n[kube_node]\nn2\n[bastion]\nb ip=1\n",
    );
    bench.write("group_vars/k8s_cluster.yml", "a: 1\nwho: k8s\n");
    let one = bench.run(&["inventory", "-i", "hosts.ini", "--host", "n1", "-e", "who=extra"]);
    assert_eq!(one.code, 0, "{one:?}");
    for wanted in [
        "roles: infra\n",
        "groups: all, kube_control_plane, k8s_cluster\n",
        "a: 1\n    group_vars/k8s_cluster.yml:1 (group k8s_cluster)\n",
        "who: \"extra\"\n    -e (extra variables)\n    over hosts.ini:2 (host n1): \"line\"\n",
        "    over group_vars/k8s_cluster.yml:2 (group k8s_cluster): \"k8s\"\n",
        "secret: ********\n",
    ] {
        assert!(one.out.replace("./", "").contains(wanted), "{wanted} in {}", one.out);
    }
    let table = bench.run(&["inventory", "-i", "hosts.ini"]).out;
    let row = |name: &str| table.lines().find(|line| line.trim().starts_with(name)).unwrap_or_default();
    assert!(row("b ").contains('-') && row("n1").contains("infra"), "{table}");
    assert!(
        row("k8s_cluster").contains("n1, n2") && row("k8s_cluster").contains("made by kubespray"),
        "{table}"
    );
    let plain = bench.run(&["inventory", "-i", "hosts.ini", "--format", "json"]).json();
    assert!(plain.get("k8s_cluster").is_none() && plain["_meta"]["hostvars"]["n2"].is_null());
    let seen = bench
        .run(&["inventory", "-i", "hosts.ini", "--format", "json", "--runtime-groups", "-l", "n2"])
        .json();
    assert_eq!(seen["k8s_cluster"]["hosts"], serde_json::json!(["n2"]));
    assert_eq!(seen["_meta"]["hostvars"]["n2"]["who"], "k8s");
    let list = bench.run(&["inventory", "-i", "h1,h2:2222", "--format", "json"]);
    assert_eq!(list.json()["ungrouped"]["hosts"], serde_json::json!(["h1", "h2"]));
    let judged = bench.run(&["check", "-i", "h1,h2", "--devbox", "none"]);
    assert_eq!((judged.code, judged.out.as_str()), (2, ""), "{judged:?}");
    assert!(judged.err.contains("no host has a role"), "{judged:?}");
    let broken = bench.run(&["inventory", "-i", "hosts.ini", "-e", "a='open"]);
    assert_eq!((broken.code, broken.out.as_str()), (2, ""), "{broken:?}");
    assert!(broken.err.contains("not closed") && !broken.err.contains("Traceback"), "{broken:?}");
}

#[test]
fn inventory_shows_no_secret_and_tells_what_is_not_known() {
    let bench = Bench::new();
    bench.write(
        "hosts.ini",
        "[kube_control_plane]\nn1 ansible_host=192.0.2.1\nn2 ansible_host='{{ ansible_eth0 }}'\nn3\n",
    );
    let vars = "ansible_ssh_private_key: geheim1\nhttp_proxy: http://ann:geheim2@proxy:3128\n\
                ansible_ssh_common_args: -o ProxyCommand='sshpass -p geheim3 ssh -W %h:%p b'\n\
                ansible_user: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n";
    bench.write("host_vars/n1.yml", vars);
    let one = bench.run(&["inventory", "-i", "hosts.ini", "--host", "n1"]);
    assert_eq!(one.code, 0, "{one:?}");
    assert!(!format!("{one:?}").contains("geheim"), "{one:?}");
    assert!(one.out.contains("http_proxy: \"http://********@proxy:3128\"\n"), "{}", one.out);
    let table = bench.run(&["inventory", "-i", "hosts.ini"]);
    let row = |name: &str| table.out.lines().find(|line| line.trim().starts_with(name)).unwrap_or_default();
    assert!(row("n1").contains("192.0.2.1") && row("n1").contains("(not known)"), "{table:?}");
    assert!(row("n2").contains("(not known)") && !row("n3").contains("(not known)"), "{table:?}");
    for wanted in [
        "`check` will not visit n1: `ansible_user` (",
        "`check` will not visit n1: `ansible_ssh_private_key` (",
        "`check` will not visit n2: `ansible_host` (hosts.ini:3",
    ] {
        assert!(table.err.replace("./", "").contains(wanted), "{wanted} in {}", table.err);
    }
    bench.write("host_vars/n3.yml", "a: 1\nansible_port: notaport\n");
    let judged = bench.run(&["check", "-i", "hosts.ini", "--devbox", "none"]);
    assert_eq!(judged.code, 2, "{judged:?}");
    assert!(judged.err.contains("host_vars/n3.yml:2:"), "{judged:?}");
}

#[test]
fn tables_fit_the_width_and_ids_stay_whole() {
    let bench = Bench::new();
    for width in [40usize, 60, 80, 120, 200] {
        let columns = width.to_string();
        let ran = bench.run_with(&["list"], &[("COLUMNS", &columns)]);
        for line in ran.out.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
        for id in ["gpu-driver-matches-library", "hostname-matches-inventory"] {
            assert!(ran.out.contains(id), "{id} at {width}:\n{}", ran.out);
        }
        let ran = bench.run_with(&with(&GO, &["--verbose"]), &[("COLUMNS", &columns)]);
        for line in ran.out.lines() {
            assert!(line.chars().count() <= width || !line.contains(' '), "{width}: {line}");
        }
    }
}

#[test]
fn colours_are_given_only_where_they_are_wanted() {
    let bench = Bench::new();
    let plain = bench.run(&GO);
    assert!(!plain.out.contains('\x1b'), "{plain:?}");
    let forced = bench.run_with(&GO, &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]);
    assert!(forced.out.contains('\x1b'), "{forced:?}");
    let both = bench.run_with(&GO, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
    assert!(!both.out.contains('\x1b'), "{both:?}");
    let json =
        bench.run_with(&with(&GO, &["--format", "json"]), &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")]);
    assert!(!json.out.contains('\x1b'), "{json:?}");
}

#[test]
fn completions_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = bench.run(&["completions", shell]);
        assert_eq!(ran.code, 0);
        for command in ["check", "facts", "explain", "check-file"] {
            assert!(ran.out.contains(command), "{shell} {command}");
        }
    }
}

#[test]
fn an_airworthy_yaml_is_obeyed_and_its_mistakes_are_placed() {
    let bench = Bench::new();
    bench.gather();
    let judge = |text: &str| {
        bench.write("facts/airworthy.yaml", text);
        bench.run(&["check", "--facts", "facts", "--select", "cpu-count", "--format", "json"])
    };
    let ran = judge("parameters: {worker_cpus: 1}\n");
    assert_eq!((ran.code, &ran.json()["parameters"]["worker_cpus"]), (0, &1.into()), "{ran:?}");
    assert_eq!(judge("parameters: {worker_cpus: 100000}\n").code, 1);
    let waiver = "waivers:\n  - {check: X, hosts: [localhost], reason: known, expires: 2999-12-31}\n";
    let cases: [(String, &str, &str); 14] = [
        ("profil: base\n".into(), ":1:1", "did you mean `profile`?"),
        ("parameters:\n  worker_cpu: 1\n".into(), ":2:15", "did you mean `worker_cpus`?"),
        ("parameters:\n  worker_cpus: many\n".into(), ":2:16", "must be a whole number, not the text"),
        ("parameters:\n  stage: rerun\n".into(), ":2:10", "--stage"),
        ("profile: nope\n".into(), ":1:10", "base, kubespray, openpai"),
        ("checks: [nowhere]\n".into(), "nowhere", "No such file"),
        (waiver.replace('X', "cpu-cuont"), ":2:13", "did you mean `cpu-count`?"),
        (waiver.replace('X', "clock-skew"), ":2:13", "leave `hosts` away"),
        (waiver.replace('X', "cpu-count").replace("[localhost]", "[]"), ":2:13", "names no host"),
        (waiver.replace('X', "unreachable").replace("[localhost]", "[]"), ":2:13", "names no host"),
        (waiver.replace('X', "cpu-count").replace("known", "''"), ":2:52", "has no reason"),
        (
            waiver.replace('X', "cpu-count").replace("reason: known, ", ""),
            ":2:",
            "the key `reason` is missing",
        ),
        (waiver.replace('X', "cpu-count").replace("2999-12-31", "soon"), ":2:", "soon"),
        (waiver.replace('X', "cpu-count").replace("hosts:", "host:"), ":2:", "did you mean `hosts`?"),
    ];
    for (text, place, wanted) in cases {
        let ran = judge(&text);
        ran.complains(&[wanted]);
        let file = if place.starts_with(':') { "airworthy.yaml" } else { "facts" };
        assert!(ran.err.contains(&format!("{file}{place}")) || ran.err.contains(place), "{text} {}", ran.err);
    }
}
