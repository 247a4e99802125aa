//! `npyo completions` and `npyo man`: what a shell and a reader of manuals want of a command.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions of npyo for a shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  npyo completions bash > ~/.local/share/bash-completion/completions/npyo
  npyo completions zsh > ~/.zfunc/_npyo
  npyo completions fish > ~/.config/fish/completions/npyo.fish";

/// Print the manual page of npyo
#[derive(Args)]
#[command(after_help = "\
Examples:
  npyo man | man -l -
  npyo man > ~/.local/share/man/man1/npyo.1")]
pub(crate) struct Man;

impl Completions {
    pub(crate) fn run(&self, mut npyo: Command, out: &mut impl Write) -> io::Result<()> {
        // The generator panics where it cannot write.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut npyo, "npyo", &mut script);
        out.write_all(&script)
    }
}

impl Man {
    pub(crate) fn run(&self, npyo: Command, out: &mut impl Write) -> io::Result<()> {
        clap_mangen::Man::new(npyo).render(out)
    }
}
