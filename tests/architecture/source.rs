//! Rust sources, parsed: their functions, their texts, what is for tests and what is public.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::workspace::{files, shown};

/// One file.
pub(crate) struct Source {
    /// From the root of the workspace.
    pub(crate) path: String,
    pub(crate) lines: usize,
    pub(crate) syntax: syn::File,
    /// The lines of items that are compiled for tests only.
    tests: Vec<RangeInclusive<usize>>,
}

/// A function, for its length.
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// A text or a macro's first text, with its place.
pub(crate) struct Literal {
    pub(crate) line: usize,
    pub(crate) value: String,
}

impl Source {
    fn read(path: &Path) -> Self {
        Self::parse(&shown(path), &std::fs::read_to_string(path).unwrap())
    }

    /// The source of this text.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("{path}: {e}"));
        let tests = syntax.items.iter().filter(|item| attributes(item).iter().any(is_cfg_test)).map(lines_of).collect();
        Self { path: path.to_owned(), lines: text.lines().count(), syntax, tests }
    }

    /// Lines without those for tests only.
    pub(crate) fn production_lines(&self) -> usize {
        self.lines - self.tests.iter().map(|range| range.clone().count()).sum::<usize>()
    }

    /// All functions, those of tests too.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Functions(Vec::new());
        found.visit_file(&self.syntax);
        found.0
    }

    /// All texts outside of tests and documentation, those in macros too.
    pub(crate) fn literals(&self) -> Vec<Literal> {
        let mut found = Vec::new();
        for item in self.syntax.items.iter().filter(|item| !attributes(item).iter().any(is_cfg_test)) {
            literals(item.to_token_stream(), &mut found);
        }
        found
    }

    /// The modules `#[cfg(test)] mod <name>;` whose text is in a file of its own.
    fn test_modules(&self) -> impl Iterator<Item = PathBuf> {
        let path = Path::new(&self.path);
        let is_root = ["lib", "main"].iter().any(|root| path.file_stem().is_some_and(|stem| stem == *root));
        let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
        self.syntax.items.iter().filter_map(move |item| match item {
            syn::Item::Mod(module) if module.content.is_none() && module.attrs.iter().any(is_cfg_test) => Some(folder.join(module.ident.to_string())),
            _ => None,
        })
    }
}

/// The sources below these folders.
pub(crate) fn sources(folders: &[&str]) -> Vec<Source> {
    folders.iter().flat_map(|folder| files(folder, "rs")).map(|path| Source::read(&path)).collect()
}

/// The sources of our crates without what is for tests only.
pub(crate) fn production() -> Vec<Source> {
    let all: Vec<Source> = sources(&["crates"]).into_iter().filter(|source| source.path.contains("/src/")).collect();
    let for_tests: HashSet<PathBuf> = all.iter().flat_map(Source::test_modules).collect();
    all.into_iter().filter(|source| !Path::new(&source.path).with_extension("").ancestors().any(|above| for_tests.contains(above))).collect()
}

fn lines_of(item: &syn::Item) -> RangeInclusive<usize> {
    let first = attributes(item).first().map_or_else(|| item.span().start().line, |attribute| attribute.span().start().line);
    first..=item.span().end().line
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.0.push(Function { name: signature.ident.to_string(), line: first, lines: last - first + 1 });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

/// Walks into macros too, which have no syntax of their own; passes over attributes, and so over documentation.
fn literals(tokens: TokenStream, found: &mut Vec<Literal>) {
    let mut after_hash = false;
    for token in tokens {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        match token {
            TokenTree::Group(group) if !after_hash => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                if let syn::Lit::Str(text) = syn::Lit::new(literal) {
                    found.push(Literal { line, value: text.value() });
                }
            }
            _ => {}
        }
        after_hash = is_hash;
    }
}
