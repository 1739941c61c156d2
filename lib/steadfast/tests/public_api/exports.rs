//! Which names are public, under which path, and in which files their definitions can stand: follows `pub use` and
//! `pub mod` from `lib.rs` down.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};
use syn::{Item, UseTree, Visibility};

pub(crate) struct Export {
    /// As it is defined.
    pub(crate) name: String,
    /// As users write it, without the crate's name.
    pub(crate) path: String,
    /// The files where it and its methods can be.
    pub(crate) files: Files,
}

pub(crate) type Files = Rc<Vec<syn::File>>;

pub(crate) fn of(src: &Path) -> Vec<Export> {
    let mut walk = Walk::default();
    walk.module(&src.join("lib.rs"), src, "");
    walk.exports
}

#[derive(Default)]
struct Walk {
    exports: Vec<Export>,
    /// By the module's path without its ending; many names come from one module.
    known: HashMap<PathBuf, Files>,
}

impl Walk {
    /// `folder` holds the module's children.
    fn module(&mut self, file: &Path, folder: &Path, path: &str) {
        for item in parsed(file).items {
            match item {
                Item::Use(item) if is_public(&item.vis) => {
                    let mut uses = Vec::new();
                    leaves(&item.tree, Vec::new(), &mut uses);
                    // What comes from another crate has no files here.
                    for (from, name, public) in uses {
                        let within = self.below(&folder.join(&from[0]));
                        self.exports.push(Export { name, path: format!("{path}{public}"), files: within });
                    }
                }
                Item::Mod(item) if is_public(&item.vis) && item.content.is_none() => {
                    let name = item.ident.to_string();
                    let (file, folder) = (folder.join(format!("{name}.rs")), folder.join(&name));
                    self.module(&file, &folder, &format!("{path}{name}::"));
                }
                item => {
                    let Some(name) = public_name(&item) else { continue };
                    let files = self.below(folder);
                    self.exports.push(Export { path: format!("{path}{name}"), name, files });
                }
            }
        }
    }

    /// The module's file, and every file in its folder.
    fn below(&mut self, module: &Path) -> Files {
        if let Some(files) = self.known.get(module) {
            return Rc::clone(files);
        }
        let mut files = vec![module.with_extension("rs")];
        let mut folders = vec![module.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let files: Files = Rc::new(files.iter().filter(|file| file.is_file()).map(|file| parsed(file)).collect());
        self.known.insert(module.to_owned(), Rc::clone(&files));
        files
    }
}

fn public_name(item: &Item) -> Option<String> {
    let (vis, name) = match item {
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        _ => return None,
    };
    is_public(vis).then(|| name.to_string())
}

/// Each name of a `use`: the path to it, its own name, and what it is called from here on.
fn leaves(tree: &UseTree, from: Vec<String>, into: &mut Vec<(Vec<String>, String, String)>) {
    match tree {
        UseTree::Path(path) => {
            let from = [from, vec![path.ident.to_string()]].concat();
            leaves(&path.tree, from, into);
        }
        UseTree::Name(name) if !from.is_empty() => into.push((from, name.ident.to_string(), name.ident.to_string())),
        UseTree::Rename(name) if !from.is_empty() => into.push((from, name.ident.to_string(), name.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, from.clone(), into)),
        UseTree::Name(_) | UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

fn parsed(file: &Path) -> syn::File {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

pub(crate) fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}
