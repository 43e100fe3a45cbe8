//! What a crate shows to others: none of the types of the library that it hides.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};

use crate::expect_none;
use crate::source::{Source, production};

/// Libraries that one crate hides from all others.
const HIDDEN: &[&str] = &["async_nats", "sqlx", "jsonwebtoken"];

#[test]
fn foreign_types_stay_where_their_library_lives() {
    let faults = production().into_iter().flat_map(|source| {
        let shown = shown_foreign(&source);
        shown
            .into_iter()
            .map(move |(item, name)| format!("{}: `{item}` shows `{name}`; give it a type of our own, or make it pub(crate)", source.path))
            .collect::<Vec<_>>()
    });
    expect_none("A public item shows a type of a hidden library.", faults);
}

#[test]
fn the_scan_sees_what_it_looks_for() {
    let text = r"
        use sqlx::{Row as _, postgres::{PgPool as Pool, PgRow}};
        pub struct A { pub(crate) hidden: Pool, pub shown: Option<Pool> }
        impl A { pub fn row(&self) -> Result<PgRow, Error> {} fn own(&self, row: PgRow) {} }
        pub enum E { Foreign(#[from] async_nats::Error) }
        pub fn fine(name: &str) {}
        impl From<sqlx::Error> for E {}
    ";
    let shown: Vec<String> = shown_foreign(&Source::parse("x.rs", text)).into_iter().map(|(item, name)| format!("{item} {name}")).collect();
    assert_eq!(shown, ["A Pool", "row PgRow", "E async_nats"]);
}

/// Public items and the foreign name in each.
fn shown_foreign(source: &Source) -> Vec<(String, String)> {
    let mut imported = Imports(HIDDEN.iter().map(|&name| name.to_owned()).collect());
    source.syntax.items.iter().for_each(|item| imported.visit_item(item));
    let mut public = Public::default();
    public.visit_file(&source.syntax);
    public.0.into_iter().filter_map(|(item, tokens)| Some((item, find(tokens, &imported.0)?))).collect()
}

fn find(tokens: TokenStream, names: &HashSet<String>) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => find(group.stream(), names),
        TokenTree::Ident(ident) => Some(ident.to_string()).filter(|name| names.contains(name)),
        _ => None,
    })
}

/// The names that a file imports from hidden libraries.
struct Imports(HashSet<String>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if let syn::UseTree::Path(path) = &item.tree
            && HIDDEN.iter().any(|name| path.ident == name)
        {
            leaves(&path.tree, &mut self.0);
        }
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
}

fn leaves(tree: &syn::UseTree, names: &mut HashSet<String>) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, names),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        syn::UseTree::Rename(rename) if rename.rename != "_" => drop(names.insert(rename.rename.to_string())),
        syn::UseTree::Name(name) if name.ident != "self" => drop(names.insert(name.ident.to_string())),
        _ => {}
    }
}

/// Public items: name and signature.
#[derive(Default)]
struct Public(Vec<(String, TokenStream)>);

impl Public {
    fn add(&mut self, visibility: &syn::Visibility, name: &impl ToString, tokens: &impl ToTokens) {
        if matches!(visibility, syn::Visibility::Public(_)) {
            self.0.push((name.to_string(), tokens.to_token_stream()));
        }
    }
}

impl<'ast> Visit<'ast> for Public {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.vis, &item.sig.ident, &item.sig);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.vis, &item.sig.ident, &item.sig);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.vis, &item.ident, &item.generics);
        item.fields.iter().for_each(|field| self.add(&field.vis, &item.ident, &field.ty));
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let fields = item.variants.iter().flat_map(|variant| &variant.fields);
        fields.for_each(|field| self.add(&item.vis, &item.ident, &field.ty));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        for method in &item.items {
            if let syn::TraitItem::Fn(method) = method {
                self.add(&item.vis, &method.sig.ident, &method.sig);
            }
        }
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add(&item.vis, &item.ident, &item.ty);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(&item.vis, &item.ident, &item.ty);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add(&item.vis, &"pub use", &item.tree);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }
}
