//! Writes HTML that is well-formed XML, too. Whatever comes from a report is escaped.

use std::fmt::Write as _;

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Tags that this program wrote itself.
    pub(super) fn tags(&mut self, tags: &str) -> &mut Html {
        self.0.push_str(tags);
        self
    }

    /// Any text at all.
    pub(super) fn text(&mut self, text: &str) -> &mut Html {
        self.0.push_str(&escaped(text));
        self
    }

    /// `<tag>text</tag>`.
    pub(super) fn element(&mut self, tag: &str, text: &str) -> &mut Html {
        let _ = write!(self.0, "<{tag}>{}</{tag}>", escaped(text)); // a String takes everything
        self
    }

    /// A table, its first column words and the others figures.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<String>]) -> &mut Html {
        self.tags("<div class=\"wide\"><table><thead><tr>");
        head.iter().for_each(|name| {
            self.element("th", name);
        });
        self.tags("</tr></thead><tbody>");
        for row in rows {
            self.tags("<tr>");
            row.iter().for_each(|cell| {
                self.element("td", cell);
            });
            self.tags("</tr>");
        }
        self.tags("</tbody></table></div>")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// For text and for attributes in double quotes. Control characters, which XML may not have, become `\u{…}`.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' | ' ' => safe.push(letter),
            odd if odd.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&odd) => {
                safe.extend(odd.escape_unicode())
            }
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_can_be_a_tag() {
        assert_eq!(
            escaped("<img src=x onerror='a()'> & \"b\""),
            "&lt;img src=x onerror=&#39;a()&#39;&gt; &amp; &quot;b&quot;"
        );
        assert_eq!(escaped("a\0b\u{7f}\nä"), "a\\u{0}b\\u{7f}\nä");
    }
}
