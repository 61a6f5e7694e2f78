//! A capture file that is read more than once, or by several readers at once. A plain one is mapped
//! into memory once for all of them: the kernel copies nothing then. Refuses to hold a stream.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::index::{Index, Walk};
use crate::input::{Input, open_file};
use crate::legacy::Legacy;
use crate::lot::{Pick, Picked};
use crate::split::boundary_in;
use crate::stretch::{Sift, Stretch};
use crate::sys::Map;
use crate::window::Window;
use crate::{CaptureError, Packing, Reader, find_boundary};

/// A file for several readers.
pub struct Hold {
    path: PathBuf,
    map: Option<Arc<Map>>,
}

impl Hold {
    /// Of this file. What cannot be mapped is opened anew by each reader, which tells what is wrong
    /// with it.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            map: map(path).map(Arc::new),
        }
    }

    /// A reader from the beginning.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn reader(&self) -> Result<Reader, CaptureError> {
        match self.window(0)? {
            Some(window) => Reader::over(window),
            None => Reader::open(&self.path),
        }
    }

    /// A reader from a record boundary in the middle; see [`Reader::open_at`].
    ///
    /// # Errors
    /// As [`Reader::open_at`].
    pub fn reader_at(&self, offset: u64, first_number: u64) -> Result<Reader, CaptureError> {
        match self.window(offset)? {
            Some(window) => Reader::over_from(window, first_number),
            None => Reader::open_at(&self.path, offset, first_number),
        }
    }

    /// Whether reading it waits for no disk: it is mapped, and in memory already.
    pub fn is_cached(&self) -> bool {
        self.map.as_deref().is_some_and(Map::is_cached)
    }

    /// Where a record of it seems to begin; see [`find_boundary`].
    pub fn find_boundary(&self, near_offset: u64) -> Option<u64> {
        match self.map.as_deref() {
            Some(map) => boundary_in(map.bytes(), near_offset),
            None => find_boundary(&self.path, near_offset),
        }
    }

    /// Goes through an index that was made of it, whose first record has the number `first`. `None` where
    /// the file is not mapped, or not of the form that an index is of.
    pub fn walk<'a>(&'a self, index: &'a Index, first: u64) -> Option<Walk<'a>> {
        let map = self.map.as_deref()?;
        let legacy = common(map)?;
        Some(Walk::new(map, legacy, index, first))
    }

    /// Goes through a stretch of it by an index, whose first record is `skip` records before the stretch.
    /// `None` where the index does not reach so far, and as [`Self::walk`].
    pub fn walk_part<'a>(&'a self, index: &'a Index, skip: usize, stretch: Stretch) -> Option<Walk<'a>> {
        let map = self.map.as_deref()?;
        Walk::part(map, common(map)?, index, skip, stretch)
    }

    /// Goes through a stretch of it. `None` where the file is not so long, and as [`Self::walk`].
    pub fn stretch(&self, stretch: Stretch) -> Option<Sift<'_>> {
        let map = self.map.as_deref()?;
        Sift::new(map, common(map)?, stretch)
    }

    /// Records of it that were picked before; `None` as [`Self::walk`].
    pub fn picked<'a>(&'a self, picks: &'a [Pick]) -> Option<Picked<'a>> {
        let map = self.map.as_deref()?;
        Some(Picked::fetched(&common(map)?, map.bytes(), picks))
    }

    /// Whether an index of it can be gone through.
    pub fn has_index(&self) -> bool {
        self.map.as_deref().is_some_and(|map| common(map).is_some())
    }

    fn window(&self, offset: u64) -> Result<Option<Window>, CaptureError> {
        let Some(map) = &self.map else { return Ok(None) };
        let (name, file) = open_file(&self.path)?;
        let input = Input::plain(name, file, map.bytes().len() as u64);
        Ok(Some(Window::mapped(input, Arc::clone(map), offset)))
    }
}

/// The form of its records, where that is the common one.
fn common(map: &Map) -> Option<Legacy> {
    let header = map.bytes().first_chunk()?;
    Legacy::from_header(header).ok().filter(Legacy::is_common)
}

/// The map of a plain regular file that holds anything.
fn map(path: &Path) -> Option<Map> {
    let (_, file) = open_file(path).ok()?;
    file.metadata()
        .ok()
        .filter(|meta| meta.is_file() && meta.len() > 0)?;
    let map = Map::new(file).ok()?;
    Packing::of(map.bytes()).is_none().then_some(map)
}
