//! What `zstd` does not say of dictionaries in safe Rust.

use zstd::zstd_safe::zstd_sys::{ZDICT_getDictHeaderSize, ZDICT_isError};

/// Bytes before the content of a dictionary; `None`: it is none.
pub fn header_size(dictionary: &[u8]) -> Option<usize> {
    // SAFETY: reads `dictionary` only, as far as it is long.
    let (size, failed) = unsafe {
        let size = ZDICT_getDictHeaderSize(dictionary.as_ptr().cast(), dictionary.len());
        (size, ZDICT_isError(size) != 0)
    };
    (!failed && size <= dictionary.len()).then_some(size)
}
