//! Elements in other forms.

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
#[cfg(feature = "serde")]
pub(crate) mod de;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "ndarray")]
pub(crate) mod ndarray;
#[cfg(feature = "serde")]
pub(crate) mod ser;
