//! One exported name as lines: what it is, its public parts, its public methods, and the traits that it has.

use crate::exports::{Export, is_public};
use quote::{ToTokens, quote};
use syn::{Fields, ImplItem, Item, ItemImpl, TraitItem, Type};

pub(crate) fn of(export: &Export) -> Vec<String> {
    export.files.iter().flat_map(|file| &file.items).flat_map(|item| lines(item, export)).collect()
}

fn lines(item: &Item, export: &Export) -> Vec<String> {
    let Export { name, path, .. } = export;
    match item {
        Item::Struct(item) if item.ident == name && is_public(&item.vis) => {
            let generics = &item.generics;
            let mut lines = vec![format!("struct {path}{}", text(generics))];
            lines.extend(fields(path, &item.fields, FieldsOf::Struct));
            lines
        }
        Item::Enum(item) if item.ident == name && is_public(&item.vis) => {
            let mut lines = vec![format!("enum {path}{}", text(&item.generics))];
            for variant in &item.variants {
                let variant_path = format!("{path}::{}", variant.ident);
                lines.push(variant_path.clone());
                lines.extend(fields(&variant_path, &variant.fields, FieldsOf::Variant));
            }
            lines
        }
        Item::Trait(item) if item.ident == name && is_public(&item.vis) => {
            let (generics, parents, bounds) = (&item.generics, &item.supertraits, &item.generics.where_clause);
            let mut lines = vec![format!("trait {path}{} : {}", text(generics), text(quote!(#parents #bounds)))];
            lines.extend(item.items.iter().filter_map(|item| Some(format!("{path}::{}", of_trait(item)?))));
            lines
        }
        Item::Type(item) if item.ident == name && is_public(&item.vis) => {
            vec![format!("type {path}{} = {}", text(&item.generics), text(&item.ty))]
        }
        Item::Const(item) if item.ident == name && is_public(&item.vis) => {
            vec![format!("const {path}: {}", text(&item.ty))]
        }
        Item::Fn(item) if item.sig.ident == name && is_public(&item.vis) => {
            vec![format!("{}{}", path.trim_end_matches(name.as_str()), text(&item.sig))]
        }
        Item::Impl(item) if is_for(&item.self_ty, name) => of_impl(item, path),
        // pin_project! { struct .. } holds an item as it would stand without it.
        Item::Macro(item) => syn::parse2::<syn::File>(item.mac.tokens.clone())
            .map(|inside| inside.items.iter().flat_map(|item| lines(item, export)).collect())
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum FieldsOf {
    Struct,
    /// Whose fields are as public as it is.
    Variant,
}

fn fields(path: &str, fields: &Fields, of: FieldsOf) -> Vec<String> {
    let public = fields.iter().enumerate().filter(|(_, field)| of == FieldsOf::Variant || is_public(&field.vis));
    public
        .map(|(number, field)| {
            let name = field.ident.as_ref().map_or_else(|| number.to_string(), ToString::to_string);
            format!("{path}::{name}: {}", text(&field.ty))
        })
        .collect()
}

fn of_trait(item: &TraitItem) -> Option<String> {
    Some(match item {
        TraitItem::Fn(item) => format!("{}{}", text(&item.sig), if item.default.is_some() { " { .. }" } else { "" }),
        TraitItem::Type(item) => {
            let (name, generics, bounds) = (&item.ident, &item.generics, &item.bounds);
            let limits = &generics.where_clause;
            text(quote!(type #name #generics: #bounds #limits))
        }
        TraitItem::Const(item) => format!("const {}: {}", item.ident, text(&item.ty)),
        _ => return None,
    })
}

fn of_impl(item: &ItemImpl, path: &str) -> Vec<String> {
    let (parameters, _, bounds) = item.generics.split_for_impl();
    if let Some((_, of, _)) = &item.trait_ {
        let parameters = text(quote!(#parameters));
        return vec![
            format!("impl{parameters} {} for {path} {}", text(of), text(quote!(#bounds))).trim_end().to_owned(),
        ];
    }
    let methods = item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) if is_public(&method.vis) => Some(format!("{path}::{}", text(&method.sig))),
        ImplItem::Const(item) if is_public(&item.vis) => {
            Some(format!("{path}::const {}: {}", item.ident, text(&item.ty)))
        }
        _ => None,
    });
    methods.collect()
}

fn is_for(of: &Type, name: &str) -> bool {
    matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Tokens as a person writes them.
fn text(tokens: impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let tight = [
        (" :: ", "::"),
        (":: ", "::"),
        (" ::", "::"),
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (",)", ")"),
        ("& ", "&"),
        ("( ", "("),
        (" (", "("),
        (" )", ")"),
        ("[ ", "["),
        (" ]", "]"),
        (" :", ":"),
        (" ;", ";"),
        ("' ", "'"),
        ("->(", "-> ("),
        (",(", ", ("),
    ];
    let text = tight.iter().fold(spaced, |text, (wide, narrow)| text.replace(wide, narrow));
    text.trim_end_matches(',').to_owned()
}
