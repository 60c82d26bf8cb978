//! Parts on the local disk.

use std::fs;
use std::path::Path;

use super::pattern::{base, is_pattern, matches};
use super::{MOST, Part, PartError, format_of, is_hidden};

/// The files that a path or a pattern means.
pub(super) fn find(value: &str, path: &str) -> Result<Vec<Part>, PartError> {
    let about = match fs::metadata(path) {
        Ok(about) => about,
        // A file may have a star in its name, so the disk is asked first.
        Err(_) if is_pattern(path) => return find_matching(value, path),
        Err(source) => return Err(PartError::Io { name: path.to_owned(), source }),
    };
    if !about.is_dir() {
        return Ok(vec![Part::local(path)]);
    }
    let mut parts = Vec::new();
    walk(value, Path::new(path), &mut |part| {
        if format_of(&part.name).is_none() {
            return Err(PartError::Format { name: part.name });
        }
        parts.push(part);
        Ok(())
    })?;
    Ok(parts)
}

fn find_matching(value: &str, pattern: &str) -> Result<Vec<Part>, PartError> {
    let root = match base(pattern) {
        "" if pattern.starts_with('/') => "/",
        "" => ".",
        base => base,
    };
    let mut parts = Vec::new();
    walk(value, Path::new(root), &mut |part| {
        let name = part.name.strip_prefix("./").filter(|_| root == ".").unwrap_or(&part.name);
        if matches(pattern, name) {
            parts.push(Part { name: name.to_owned(), path: part.path });
        }
        Ok(())
    })?;
    Ok(parts)
}

/// Visits every file below a folder.
fn walk(
    value: &str,
    root: &Path,
    visit: &mut dyn FnMut(Part) -> Result<(), PartError>,
) -> Result<(), PartError> {
    let mut folders = vec![root.to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let failed = |source| PartError::Io { name: folder.display().to_string(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if is_hidden(&entry.file_name().to_string_lossy()) {
                continue;
            }
            // Links to files are followed and those to folders are not: they may lead round in a circle.
            let path = entry.path();
            if entry.file_type().map_err(failed)?.is_dir() {
                folders.push(path);
            } else if fs::metadata(&path).is_ok_and(|about| about.is_file()) {
                seen += 1;
                if seen > MOST {
                    return Err(PartError::TooMany { value: value.to_owned() });
                }
                visit(Part::local(path))?;
            }
        }
    }
    Ok(())
}
