//! The dev box as a control node: releases of ansible-core, each in a virtual environment, and a checkout of kubespray.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::fault::OUTSIDE;
use crate::rig::Lab;

/// The releases, and PATH with each of them.
const RELEASES: [&str; 2] = ["2.18", "2.19"];
/// With the release that kubespray 2.31 wants.
pub(crate) const WITH_2_18: &str = "PATH=/opt/ansible-2.18/bin:$PATH";
/// With a later one.
pub(crate) const WITH_2_19: &str = "PATH=/opt/ansible-2.19/bin:$PATH";

/// Lays Ansible and the checkout into the dev box, once.
pub(crate) fn lay(lab: &Lab) {
    static LAID: OnceLock<()> = OnceLock::new();
    LAID.get_or_init(|| {
        RELEASES.into_iter().for_each(|release| environment(lab, release));
        collections(lab);
        checkout(lab);
    });
}

/// A release of ansible-core for the dev box's Python, fetched once, and the Python packages that kubespray 2.31 wants.
fn fetched(release: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("target/lab-ansible").join(release);
    if folder.is_dir() {
        return folder;
    }
    let partly = folder.with_extension("part");
    let _ = fs::remove_dir_all(&partly); // of a run that was stopped
    let text = fs::read_to_string(here.join("fixtures/kubespray/2.31/requirements.txt"));
    let text = text.expect("requirements.txt is there");
    let packages =
        text.lines().filter(|line| !line.starts_with(['#', ' ']) && !line.starts_with("ansible=="));
    let done = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--python-version",
            "3.11",
            "--only-binary=:all:",
            "--no-compile",
        ])
        .args(["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"])
        .args(["--platform", "manylinux_2_34_x86_64", "--target"])
        .arg(&partly)
        .arg(format!("ansible-core=={release}.*"))
        .args(packages)
        .output()
        .expect("python3 starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::rename(&partly, &folder).expect("the folder is named");
    folder
}

/// What `python3 -m venv` and pip would make; the dev box has neither, nor a way out.
fn environment(lab: &Lab, release: &str) {
    let (from, to) = (fetched(release), format!("/opt/ansible-{release}"));
    if lab.holds("devbox", &format!("test -x {to}/bin/ansible-playbook")) {
        return;
    }
    let packages = format!("{to}/lib/python3.11/site-packages");
    lab.must(
        OUTSIDE,
        &format!(
            "tar -C '{}' --exclude=ansible_test --exclude=./bin -c . | lab exec devbox 'rm -rf {to} && mkdir -p {to}/bin {packages} \
             && tar -C {packages} -x --no-same-owner && ln -s /usr/bin/python3 {to}/bin/python3 \
             && echo home = /usr/bin > {to}/pyvenv.cfg && python3 -m compileall -q -x /ansible/modules/ {packages}'",
            from.display()
        ),
    );
    lab.must_with(
        "devbox",
        &format!("cat > {to}/bin/playbook && chmod 755 {to}/bin/playbook && mv {to}/bin/playbook {to}/bin/ansible-playbook"),
        &format!("#!{to}/bin/python3\nimport sys\nfrom ansible.cli.playbook import main\nsys.exit(main())\n"),
    );
}

/// The collections that the checkout depends on: names and versions, for no playbook here uses them.
fn collections(lab: &Lab) {
    lab.must(
        "devbox",
        "for name in ansible/utils community/general; do folder=/usr/share/ansible/collections/ansible_collections/$name; \
         mkdir -p $folder && echo 'version: 12.1.0' > $folder/galaxy.yml; done",
    );
}

/// kubespray in miniature: `tests/differential` with its defaults and asserts, and what a checkout of 2.31 has besides.
/// It knows the release that the lab's hosts say they run.
fn checkout(lab: &Lab) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    lab.must("devbox", "rm -rf /srv/kubespray && mkdir -p /srv/kubespray");
    // Both have defaults in main.yml.
    for (folder, without) in
        [("fixtures/kubespray/2.31", "cluster.yml"), ("tests/differential/kubespray", "galaxy.yml")]
    {
        lab.must(
            OUTSIDE,
            &format!(
                "tar -C '{}' --exclude=./{without} -c . | lab exec devbox 'cd /srv/kubespray && tar -x --no-same-owner && \
                 cd roles/kubespray_defaults/defaults/main && {{ [ -e 2.31.yml ] || mv main.yml 2.31.yml; }}'",
                here.join(folder).display()
            ),
        );
    }
    lab.must("devbox", "sed -i 's/^- \\*\\*Ubuntu\\*\\* /&16.04, /' /srv/kubespray/README.md && grep -q 16.04 /srv/kubespray/README.md");
}
