//! One `#[guide(..)]`: from its words to a match arm.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, Member, Result, Variant, meta::ParseNestedMeta};

#[derive(Default)]
struct Guide {
    advice: Option<Advice>,
    blame: Option<TokenStream>,
}

enum Advice {
    Retry,
    RetryAfter(Member),
    Elsewhere,
    Never,
}

/// The match arm of one variant.
pub(crate) fn arm(variant: &Variant) -> Result<TokenStream> {
    let guide = read(variant)?;
    let Some(advice) = guide.advice else {
        return Err(Error::new_spanned(
            variant,
            "say what may be tried: #[guide(retry | retry_after = FIELD | elsewhere | never)]",
        ));
    };
    let name = &variant.ident;
    let blame = guide.blame.unwrap_or_else(|| match advice {
        Advice::Never => quote!(Caller),
        Advice::Retry | Advice::RetryAfter(_) | Advice::Elsewhere => quote!(Target),
    });
    let (fields, advice) = match advice {
        Advice::Retry => (quote!(), quote!(::steadfast::RetryAdvice::RetryNow)),
        Advice::Elsewhere => (quote!(), quote!(::steadfast::RetryAdvice::TryElsewhere)),
        Advice::Never => (quote!(), quote!(::steadfast::RetryAdvice::Never)),
        Advice::RetryAfter(field) => (quote!(#field: ref wait,), after()),
    };
    Ok(quote! {
        Self::#name { #fields .. } => ::steadfast::Guidance { advice: #advice, blame: ::steadfast::Blame::#blame },
    })
}

/// A `Duration` and an `Option<Duration>` both turn into an `Option<Duration>`.
fn after() -> TokenStream {
    quote! {
        ::core::convert::Into::<::core::option::Option<::core::time::Duration>>::into(::core::clone::Clone::clone(wait))
            .map_or(::steadfast::RetryAdvice::RetryNow, ::steadfast::RetryAdvice::RetryAfter)
    }
}

fn read(variant: &Variant) -> Result<Guide> {
    let mut guide = Guide::default();
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("guide")) {
        attribute.parse_nested_meta(|meta| guide.take(variant, &meta))?;
    }
    Ok(guide)
}

impl Guide {
    fn take(&mut self, variant: &Variant, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("blame") {
            self.blame = Some(read_blame(&meta.value()?.parse()?)?);
            return Ok(());
        }
        let advice = if meta.path.is_ident("retry") {
            Advice::Retry
        } else if meta.path.is_ident("retry_after") {
            Advice::RetryAfter(existing_field(variant, meta.value()?.parse()?)?)
        } else if meta.path.is_ident("elsewhere") {
            Advice::Elsewhere
        } else if meta.path.is_ident("never") {
            Advice::Never
        } else {
            return Err(meta.error("a guide knows: retry, retry_after = FIELD, elsewhere, never, blame = SIDE"));
        };
        match self.advice.replace(advice) {
            Some(_earlier) => Err(meta.error("one advice is enough")),
            None => Ok(()),
        }
    }
}

fn existing_field(variant: &Variant, field: Member) -> Result<Member> {
    match variant.fields.members().any(|member| member == field) {
        true => Ok(field),
        false => Err(Error::new_spanned(field, "this variant has no such field")),
    }
}

fn read_blame(side: &Ident) -> Result<TokenStream> {
    match side.to_string().as_str() {
        "caller" => Ok(quote!(Caller)),
        "local" => Ok(quote!(Local)),
        "target" => Ok(quote!(Target)),
        "quota" => Ok(quote!(Quota)),
        _ => Err(Error::new_spanned(side, "blame is one of: caller, local, target, quota")),
    }
}
