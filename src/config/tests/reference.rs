//! Holds the tables of settings in docs/operations.md to `larder.default.toml`, or writes them anew when
//! `LARDER_REGENERATE=1`.

use std::fmt::Write;
use std::path::PathBuf;

use super::super::known::{Setting, settings};

const BEGIN: &str =
    "<!-- settings: made from larder.default.toml by `LARDER_REGENERATE=1 cargo test --lib config` -->\n";
const END: &str = "<!-- end of settings -->";

#[test]
fn the_table_in_the_docs_is_what_the_file_of_defaults_says() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the mark where the tables begin");
    let (_, after) = rest.split_once(END).expect("the mark where the tables end");
    let made = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("LARDER_REGENERATE").is_some() {
        std::fs::write(&file, made).unwrap();
    } else {
        assert!(
            made == text,
            "docs/operations.md is stale: run `LARDER_REGENERATE=1 cargo test --lib config`"
        );
    }
}

fn tables() -> String {
    let mut text = String::new();
    let mut section = None;
    for setting in settings() {
        if section != Some(setting.section()) {
            section = Some(setting.section());
            let title = match setting.section() {
                "" => "Above all sections".to_owned(),
                section => format!("`[{section}]`"),
            };
            write!(
                text,
                "\n### {title}\n\n| key | variable | default | what it does |\n| --- | --- | --- | --- |\n"
            )
            .unwrap();
        }
        row(&mut text, setting);
    }
    text.push('\n');
    text
}

fn row(text: &mut String, setting: &Setting) {
    let Setting { variable, text: what, default, .. } = setting;
    let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
    let what = what.replace('|', "\\|");
    writeln!(text, "| `{}` | `{variable}` | `{default}` | {what} |", setting.name()).unwrap();
}
