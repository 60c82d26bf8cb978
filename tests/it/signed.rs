//! Signed snapshots: who is trusted is asked of the store and of the cache alike, before anything else is read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use larder::artifact::{ArtifactStore as _, LocalStore};
use larder::snapshot::{MANIFEST, Outcome, SIGNATURE, SigningKey, TrustedKey, TrustedKeys};
use tempfile::TempDir;

use crate::support::faulty_store::FaultyStore;
use crate::support::following::Following;
use crate::support::grocer;

/// Keys as `openssl genpkey -algorithm ed25519` writes them.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
const OTHER: &str = "-----BEGIN PRIVATE KEY-----\n\
                     MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n\
                     -----END PRIVATE KEY-----\n";
/// The public key of the first: test 1 of RFC 8032, section 7.1.
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn public(pem: &str) -> String {
    SigningKey::parse(pem, "key.pem").unwrap().public()
}

fn larder(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_larder")).args(arguments).args(paths).output().unwrap()
}

/// A store with a snapshot that is signed with these keys, one after the other.
struct Shop {
    dir: TempDir,
    store: Arc<LocalStore>,
    version: String,
}

impl Shop {
    fn new(keys: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = grocer::snapshot(1);
        let (root, file) = (dir.path().join("store"), dir.path().join("key.pem"));
        let published = |sign: &[&Path]| {
            let arguments = [&[made.path(), Path::new("--store"), &root], sign].concat();
            let output = larder(&["snapshot", "publish"], &arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        published(&[]);
        for key in keys {
            fs::write(&file, key).unwrap();
            published(&[Path::new("--sign"), &file]);
        }
        let store = Arc::new(LocalStore::open(&root).unwrap());
        let version = store.list_dirs("snapshots").unwrap().remove(0);
        Self { dir, store, version }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("store/snapshots").join(&self.version).join(name)
    }

    /// What a server that trusts this key makes of it.
    fn served_to(&self, key: &str) -> Result<Outcome, String> {
        let cache = tempfile::tempdir().unwrap();
        let following = Following::trusting(keys(&[key]), self.store.clone(), cache.path());
        following.refresher.refresh(false).map_err(|error| {
            assert_eq!(error.label(), "document", "{error}");
            error.to_string()
        })
    }

    fn verify(&self, key: &str) -> (bool, String) {
        let root = self.dir.path().join("store");
        let output = larder(&["snapshot", "verify", "--trusted-key", key, "--store"], &[&root]);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }
}

fn keys(keys: &[&str]) -> TrustedKeys {
    TrustedKeys::new(keys.iter().map(|key| TrustedKey::parse(key).unwrap()).collect())
}

#[test]
fn a_signature_is_that_of_the_rfc() {
    assert_eq!(public(KEY), PUBLIC);
    let signed = SigningKey::parse(KEY, "key.pem").unwrap().sign(b"");
    let signature =
        "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";
    assert_eq!(signed, format!("ed25519 {PUBLIC} {signature}\n"));
    keys(&[PUBLIC]).verify(b"", Some(signed.as_bytes())).unwrap();
    assert!(keys(&[PUBLIC]).verify(b" ", Some(signed.as_bytes())).is_err());
}

#[test]
fn a_snapshot_that_is_signed_by_a_trusted_key_is_served() {
    let shop = Shop::new(&[KEY]);
    assert!(matches!(shop.served_to(PUBLIC), Ok(Outcome::Swapped { .. })));
    let (sound, said) = shop.verify(PUBLIC);
    assert!(sound, "{said}");
    // As OpenSSL writes a public key, too.
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
               -----END PUBLIC KEY-----\n";
    let file = shop.dir.path().join("public.pem");
    fs::write(&file, pem).unwrap();
    assert!(shop.verify(file.to_str().unwrap()).0);
    assert!(matches!(shop.served_to(pem), Ok(Outcome::Swapped { .. })));
}

#[test]
fn who_is_not_trusted_is_named() {
    let shop = Shop::new(&[OTHER]);
    let said = shop.served_to(PUBLIC).unwrap_err();
    assert!(said.contains("is signed with none of snapshot.trusted_keys"), "{said}");
    assert!(said.contains(&public(OTHER)), "{said}");
    let (sound, said) = shop.verify(PUBLIC);
    assert!(!sound && said.contains("is signed with none of"), "{said}");
    // Signed anew by another, it is the other's.
    let shop = Shop::new(&[OTHER, KEY]);
    assert!(shop.served_to(PUBLIC).is_ok());
    assert!(shop.served_to(&public(OTHER)).is_err());
}

#[test]
fn a_missing_and_a_malformed_signature_are_refused() {
    let shop = Shop::new(&[]);
    let said = shop.served_to(PUBLIC).unwrap_err();
    assert!(said.contains("manifest.json: is not signed: there is no manifest.sig beside it"), "{said}");
    assert!(!shop.verify(PUBLIC).0);
    for wrong in ["", "no signature", "ed25519 AAAA AAAA", "rsa x y\n"] {
        fs::write(shop.file(SIGNATURE), wrong).unwrap();
        assert!(shop.served_to(PUBLIC).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_manifest_that_was_changed_after_it_was_signed_is_refused_unread() {
    let shop = Shop::new(&[KEY]);
    fs::write(shop.file(MANIFEST), "{").unwrap();
    let said = shop.served_to(PUBLIC).unwrap_err();
    assert!(said.contains("the manifest was changed after it was signed"), "{said}");
    let (sound, said) = shop.verify(PUBLIC);
    assert!(!sound && said.contains("was changed after it was signed"), "{said}");
}

#[test]
fn the_cache_is_believed_no_more_than_the_store() {
    let shop = Shop::new(&[KEY]);
    // A store whose files are not local, so that they go through the cache.
    let store = Arc::new(FaultyStore::new(LocalStore::open(shop.dir.path().join("store")).unwrap()));
    let cache = tempfile::tempdir().unwrap();
    let served = || {
        let following = Following::trusting(keys(&[PUBLIC]), store.clone(), cache.path());
        // Where the store is away, what the cache has is served and the refresh fails all the same.
        let failed = following.refresher.refresh(false).is_err();
        assert_eq!(failed, store.is_down());
        (following.refresher.health().swaps > 0).then(|| following.version())
    };
    assert_eq!(served().as_ref(), Some(&shop.version));
    store.set_down(true);
    assert_eq!(served().as_ref(), Some(&shop.version));
    let documents = cache.path().join("documents");
    let manifest = documents.join(format!("manifest-{}.json", shop.version));
    let sound = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, sound.replacen("catalog", "Catalog", 1)).unwrap();
    assert_eq!(served(), None, "it was changed after it was signed");
    fs::write(&manifest, sound).unwrap();
    fs::remove_file(documents.join(format!("manifest-{}.sig", shop.version))).unwrap();
    // With the store away nobody can say whether there is a signature: nothing is served without one.
    assert_eq!(served(), None);
}

#[test]
fn a_file_that_is_no_key_is_refused_before_anything_is_uploaded() {
    let dir = tempfile::tempdir().unwrap();
    let (made, store) = (grocer::snapshot(1), dir.path().join("store"));
    let key = dir.path().join("key.pem");
    fs::write(&key, "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n").unwrap();
    let arguments = [made.path(), Path::new("--sign"), &key, Path::new("--store"), &store];
    let output = larder(&["snapshot", "publish"], &arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is no Ed25519 private key in PEM"), "{said}");
    assert!(!store.exists());
}
