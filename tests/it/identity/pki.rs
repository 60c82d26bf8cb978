//! Certificates, made by openssl.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::skip::skip;

/// A CA and what it signs, in a directory.
pub(crate) struct Pki {
    dir: TempDir,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Pki {
    /// A new CA; `None` where there is no openssl.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let pki = Self { dir: tempfile::tempdir().unwrap() };
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            skip(test, "openssl");
            return None;
        }
        pki.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key \
             -out ca.pem",
        );
        Some(pki)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A certificate for these names, such as `DNS:localhost`.
    pub(crate) fn sign(&self, name: &str, names: &str) -> Pair {
        let pair = self.request(name, names);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile extensions \
             -out {name}.pem"
        ));
        pair
    }

    /// One that has ended.
    pub(crate) fn expired(&self, name: &str, names: &str) -> Pair {
        let pair = self.request(name, names);
        let config = "[ca]\ndefault_ca=own\n[own]\nnew_certs_dir=.\ndatabase=issued\nrand_serial=yes\n\
                      default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n";
        std::fs::write(self.path("ca.conf"), config).unwrap();
        std::fs::write(self.path("issued"), "").unwrap();
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -in {name}.csr -extfile extensions \
             -startdate 20260101000000Z -enddate 20260201000000Z -out {name}.pem"
        ));
        pair
    }

    /// A key, and the request for its certificate.
    fn request(&self, name: &str, names: &str) -> Pair {
        let extensions = format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n");
        std::fs::write(self.path("extensions"), extensions).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key \
             -out {name}.csr"
        ));
        Pair { cert: self.path(&format!("{name}.pem")), key: self.path(&format!("{name}.key")) }
    }

    pub(crate) fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
