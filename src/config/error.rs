//! What is wrong with a configuration, or soon will be: each names the place, the key and what to write instead.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A configuration that cannot be used. The process exits with 64.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML. The line itself is not repeated: there may be a secret in it.
    #[error("{}, line {line}, column {column}: {}", .file.display(), .source.message().trim_end())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },
    /// A key, or a section, that does not exist.
    #[error("{}, line {line}: there is no {what} {name}{}", .file.display(), did_you_mean(.nearest.as_deref()))]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// `setting` or `section`.
        what: &'static str,
        /// The name as written.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{}{key} is {value}: expected {expected}", place(.origin.as_ref()))]
    Value {
        /// Who said so; `None`: no single source.
        origin: Option<Origin>,
        /// The key with its section.
        key: String,
        /// The value, unless it is a secret.
        value: String,
        /// What would be taken instead.
        expected: String,
    },
    /// One source gives a setting by its old and its new name.
    #[error("{old} and {new} are the same setting ({key}): remove {old}", old = .old.full(), new = .new.full())]
    Twice {
        /// The key with its section.
        key: String,
        /// Where the old name is.
        old: Origin,
        /// Where the new name is.
        new: Origin,
    },
    /// A variable whose value is no text.
    #[error("{variable} is not UTF-8; write it as text")]
    NotText {
        /// The variable.
        variable: String,
    },
}

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In a file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key as written there, with its section.
        key: String,
    },
    /// In the environment, by this variable.
    Variable(String),
    /// On the command line, by this flag.
    Flag(String),
}

impl Origin {
    /// The place with the name that is used there.
    fn full(&self) -> String {
        match self {
            Self::File { key, .. } => format!("{key} ({self})"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file, line, .. } => write!(f, "{}, line {line}", file.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// What works, and should be changed all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A setting was given by the name it had before.
    Renamed {
        /// Where.
        origin: Origin,
        /// What to write there instead.
        instead: String,
    },
    /// A variable begins with `LARDER_` and is no setting.
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest that exists.
        nearest: Option<String>,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { origin, instead } => {
                write!(f, "{} is an old name: write {instead}", origin.full())
            }
            Self::UnknownVariable { name, nearest } => {
                write!(f, "the environment variable {name} is no setting{}", did_you_mean(nearest.as_deref()))
            }
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

fn place(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!("{origin}: ")).unwrap_or_default()
}
