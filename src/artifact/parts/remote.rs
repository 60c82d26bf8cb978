//! Parts in a store: listed, and downloaded into the cache directory.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::super::{
    ArtifactStore, FetchError, Listed, open, open_private, private_dir, sha256_bytes, whole_file,
};
use super::pattern::{base, is_pattern, matches};
use super::{MOST, Part, PartError, PartOptions, format_of, is_hidden};

/// Bytes that are asked for at once; each download holds them in memory.
const PIECE: u64 = 8 << 20;
/// Downloads under way at once.
const THREADS: usize = 8;

/// The objects that `s3://ADDRESS` means, on the local disk.
pub(super) fn find(
    value: &str,
    address: &str,
    options: PartOptions<'_>,
    progress: &mut dyn FnMut(&str, f64),
) -> Result<Vec<Part>, PartError> {
    let (bucket, key) = address.split_once('/').unwrap_or((address, ""));
    let key = key.trim_end_matches('/');
    let folder =
        if is_pattern(key) { base(key) } else { key.rsplit_once('/').map_or("", |(folder, _)| folder) };
    let store = open(format!("s3://{bucket}/{folder}").trim_end_matches('/'), options.store)?;
    // The last name is listed for, and not opened: it may be an object as well as a folder.
    let rest = key.get(folder.len()..).unwrap_or_default().trim_start_matches('/');
    let below = if is_pattern(key) { "" } else { rest };
    progress(&format!("listing {value}"), 0.0);
    let mut wanted = store.list_objects(below)?;
    if wanted.len() > MOST {
        return Err(PartError::TooMany { value: value.to_owned() });
    }
    let location = store.location();
    // What was asked for by name is not hidden.
    let inside = |object: &Listed| object.key.strip_prefix(below).unwrap_or(&object.key).to_owned();
    wanted.retain(|object| !inside(object).split('/').any(is_hidden));
    if is_pattern(key) {
        wanted.retain(|object| matches(rest, &object.key));
    } else if let Some(other) =
        wanted.iter().find(|object| object.key != rest && format_of(&object.key).is_none())
    {
        return Err(PartError::Format { name: format!("{location}/{}", other.key) });
    }
    if options.cache_dir.as_os_str().is_empty() {
        return Err(PartError::NoCacheDir(FetchError::NoCacheDir));
    }
    let cache = options.cache_dir.join("parts");
    private_dir(&cache).map_err(|source| PartError::Io { name: cache.display().to_string(), source })?;
    // What the location does not say, and not where it is that the pattern begins.
    let identity = store.identity();
    let server = identity.strip_prefix(&location).unwrap_or(&identity);
    let part = |object: &Listed| {
        let name = format!("{location}/{}", object.key);
        // Another content has another etag, and so another file.
        let identity = format!("{name}{server}\n{}\n{}", object.etag, object.bytes);
        Part { path: cache.join(sha256_bytes(identity.as_bytes())), name }
    };
    let parts: Vec<Part> = wanted.iter().map(part).collect();
    download(store.as_ref(), &wanted, &parts, progress)?;
    Ok(parts)
}

/// Downloads what is not there yet, several at a time.
fn download(
    store: &dyn ArtifactStore,
    objects: &[Listed],
    parts: &[Part],
    progress: &mut dyn FnMut(&str, f64),
) -> Result<(), PartError> {
    let next = AtomicUsize::new(0);
    let given_up = AtomicBool::new(false);
    let (tell, told) = sync_channel::<Result<(), PartError>>(THREADS);
    let work = |tell: SyncSender<Result<(), PartError>>| {
        while !given_up.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(object), Some(part)) = (objects.get(at), parts.get(at)) else { return };
            let done = fetch(store, object, part);
            given_up.fetch_or(done.is_err(), Ordering::Relaxed);
            if tell.send(done).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(objects.len()) {
            let (work, tell) = (&work, tell.clone());
            scope.spawn(move || work(tell));
        }
        drop(tell);
        let mut failure = None;
        for (done, outcome) in told.iter().enumerate() {
            if let Err(error) = outcome {
                failure.get_or_insert(error);
            }
            let share = (done + 1) as f64 / objects.len() as f64;
            progress(&format!("downloading {} objects", objects.len()), share);
        }
        failure.map_or(Ok(()), Err)
    })
}

fn fetch(store: &dyn ArtifactStore, object: &Listed, part: &Part) -> Result<(), PartError> {
    let there = open_private(File::options().read(true), &part.path).and_then(|file| file.metadata());
    if there.is_ok_and(|about| about.len() == object.bytes) {
        return Ok(());
    }
    let mut found = 0;
    let mut failure = None;
    let staged = whole_file::stage(&part.path, |file| {
        while found < object.bytes {
            match store.read_range(&object.key, found, PIECE.min(object.bytes - found)) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => {
                    found += piece.len() as u64;
                    file.write_all(&piece)?;
                }
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        Ok(())
    });
    let failed = |source| PartError::Io { name: part.path.display().to_string(), source };
    let staged = staged.map_err(failed)?;
    if let Some(error) = failure {
        return Err(error.into());
    }
    if found != object.bytes {
        return Err(PartError::Changed { name: part.name.clone(), found, listed: object.bytes });
    }
    whole_file::publish(staged, &part.path).map_err(failed)
}
