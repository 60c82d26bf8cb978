//! Values whose text is their own.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Form;

/// `true` or `false`.
#[derive(Debug)]
pub struct Switch;

impl Form for Switch {
    type Value = bool;

    fn expected() -> String {
        "true or false".to_owned()
    }

    fn parse(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn show(value: &bool) -> String {
        value.to_string()
    }
}

/// Any text but an empty one.
#[derive(Debug)]
pub struct Text;

impl Form for Text {
    type Value = String;

    const QUOTED: bool = true;

    fn expected() -> String {
        "a text".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn show(value: &String) -> String {
        value.clone()
    }
}

/// The path of a file or directory.
#[derive(Debug)]
pub struct File;

impl Form for File {
    type Value = PathBuf;

    const QUOTED: bool = true;

    fn expected() -> String {
        "a path".to_owned()
    }

    fn parse(text: &str) -> Option<PathBuf> {
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    fn show(value: &PathBuf) -> String {
        value.display().to_string()
    }
}

/// An address to listen at.
#[derive(Debug)]
pub struct Address;

impl Form for Address {
    type Value = SocketAddr;

    fn expected() -> String {
        "an address and a port, such as 0.0.0.0:8080".to_owned()
    }

    fn parse(text: &str) -> Option<SocketAddr> {
        // No host names: what one resolves to may change, and which of its addresses is meant is a guess.
        text.parse().ok()
    }

    fn show(value: &SocketAddr) -> String {
        value.to_string()
    }
}
