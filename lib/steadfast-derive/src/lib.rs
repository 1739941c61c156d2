//! The derive macro behind steadfast's `Classify`: reads `#[guide(..)]` on each variant of an enum and writes
//! `guidance()`. It decides nothing: a variant without a guide does not compile.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Result, parse_macro_input};

mod guide;

/// Derives `steadfast::Classify` for an enum. Each variant carries one `#[guide(..)]`:
///
/// - `retry`: the same call may work;
/// - `retry_after = FIELD`: the same call may work after the `Duration` or `Option<Duration>` in that field (a
///   name, or a number for tuple variants);
/// - `elsewhere`: another target may work;
/// - `never`: trying again cannot help.
///
/// `blame = caller | local | target | quota` says on whose side it went wrong; without it `never` blames the
/// caller and the others the target.
#[proc_macro_derive(Classify, attributes(guide))]
pub fn derive_classify(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    implement(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn implement(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Classify can be derived for enums; implement it by hand here"));
    };
    let arms = data.variants.iter().map(guide::arm).collect::<Result<Vec<_>>>()?;
    let (name, (generics, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::steadfast::Classify for #name #arguments #bounds {
            fn guidance(&self) -> ::steadfast::Guidance {
                match *self { #(#arms)* }
            }
        }
    })
}
