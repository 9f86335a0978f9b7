use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn key(kind: &str, byte: u8) -> Vec<u8> {
    let mut blob = u32::try_from(kind.len()).expect("short").to_be_bytes().to_vec();
    blob.extend(kind.as_bytes());
    blob.extend([0, 0, 0, 1, byte]);
    blob
}

fn text(kind: &str, byte: u8) -> String {
    format!("{kind} {}", STANDARD.encode(key(kind, byte)))
}

fn known(lines: &[String]) -> KnownHosts {
    let mut known = KnownHosts::read(Vec::new());
    known.files = vec![PathBuf::from("kh")];
    known.add(0, &lines.join("\n"));
    known
}

const ED: &str = "ssh-ed25519";
const EC: &str = "ecdsa-sha2-nistp256";

#[test]
fn opinions() {
    let known = known(&[
        "garbage that must not fail the file".into(),
        format!("node1,10.0.0.1 {}", text(ED, 1)),
        format!("[node1]:2222 {}", text(ED, 2)),
        format!("node2 {}", text(EC, 3)),
        format!("@revoked * {}", text(ED, 9)),
        format!("@cert-authority *.org {}", text(ED, 8)),
        format!("*.lan,!bad.lan {}", text(ED, 4)),
    ]);
    let opinion = |host: &str, port, kind, byte| known.of(host, port).opinion(&key(kind, byte));
    assert_eq!(opinion("node1", 22, ED, 1), Opinion::Known);
    assert_eq!(opinion("NODE1", 22, ED, 1), Opinion::Known);
    assert_eq!(opinion("10.0.0.1", 22, ED, 1), Opinion::Known);
    assert_eq!(opinion("node1", 22, ED, 2), Opinion::Changed("kh:2".into()));
    assert_eq!(opinion("node1", 2222, ED, 2), Opinion::Known);
    assert_eq!(opinion("node1", 2222, ED, 1), Opinion::Changed("kh:3".into()));
    assert_eq!(opinion("node1", 2200, ED, 1), Opinion::Known, "the bare name vouches");
    assert_eq!(opinion("node1", 2200, ED, 5), Opinion::Unknown { authority: false }, "but does not object");
    assert_eq!(opinion("node2", 22, ED, 1), Opinion::OtherKind(EC.into(), "kh:4".into()));
    assert_eq!(opinion("node1", 22, ED, 9), Opinion::Revoked("kh:5".into()));
    assert_eq!(opinion("stranger", 2222, ED, 9), Opinion::Revoked("kh:5".into()));
    assert_eq!(opinion("a.org", 22, ED, 1), Opinion::Unknown { authority: true });
    assert_eq!(opinion("a.lan", 22, ED, 4), Opinion::Known);
    assert_eq!(opinion("bad.lan", 22, ED, 4), Opinion::Unknown { authority: false });
}

#[test]
fn known_types_are_asked_for_first() {
    let known = known(&[format!("node1 {}", text("ssh-rsa", 1)), format!("@revoked node2 {}", text(EC, 1))]);
    assert!(known.of("node1", 22).preference().starts_with("rsa-sha2-512,rsa-sha2-256,ssh-rsa,ssh-ed25519,"));
    assert!(known.of("node2", 22).preference().starts_with("ssh-ed25519,ecdsa"));
    assert!(!known.of("node1", 22).preference().contains("cert"));
}

#[test]
fn learning_appends_one_line_and_keeps_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("new/known_hosts");
    let known = KnownHosts::read(vec![file.clone()]);
    assert!(known.of("node1", 2222).learn(&key(ED, 1)).expect("written"));
    assert!(known.of("node1", 2222).learn(&key(ED, 1)).expect("nothing to write"));
    assert!(!known.of("node1", 2222).learn(&key(ED, 2)).expect("refused"), "one name, two keys");
    assert_eq!(fs::read_to_string(&file).expect("a file"), format!("[node1]:2222 {}\n", text(ED, 1)));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&folder.path().join("new"))), (0o600, 0o700));

    fs::write(&file, "unfinished").expect("written");
    let known = KnownHosts::read(vec![file.clone()]);
    assert!(known.of("node2", 22).learn(&key(ED, 1)).expect("written"));
    assert_eq!(fs::read_to_string(&file).expect("a file"), format!("unfinished\nnode2 {}\n", text(ED, 1)));
    assert_eq!(KnownHosts::read(vec![file]).of("node2", 22).opinion(&key(ED, 1)), Opinion::Known);
}

#[test]
fn nothing_is_learned_where_another_users_link_leads() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("shared")).expect("made");
    fs::set_permissions(at("shared"), fs::Permissions::from_mode(0o1777)).expect("set");
    fs::write(at("secret"), "").expect("written");
    std::os::unix::fs::symlink(at("secret"), at("shared/kh")).expect("linked");
    std::os::unix::fs::symlink(at("secret"), at("own")).expect("linked");
    let learn = |name: &str| KnownHosts::read(vec![at(name)]).of("node1", 22).learn(&key(ED, 1));
    assert!(learn("own").expect("written"));
    // Only root can make another user's link.
    if std::os::unix::fs::lchown(at("shared/kh"), Some(12345), Some(12345)).is_ok() {
        assert!(learn("shared/kh").expect_err("refused").to_string().contains("another user"));
    }
    assert_eq!(fs::read_to_string(at("secret")).expect("there").lines().count(), 1);
}
