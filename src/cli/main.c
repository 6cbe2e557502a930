// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <gyre/gyre.h>

#include "cli_config.h"
#include "command.h"
#include "term.h"

static const struct {
    const char *name, *about;
    command_fn *run;
} commands[] = {
    {"demo", "run RoPE and attention of a real model's layer on every device", command_demo},
    {"devices", "list devices, which one is the default, and why", command_devices},
    {"rope", "rotate the heads of a .npy file by their positions", command_rope},
    {"rope-table", "print the frequencies that a model's config.json stands for",
     command_rope_table},
    {"attend", "attention over q, k and v of .npy files, and a picture of it", command_attend},
    {"explain", "say which kernels a call would take on a device, and why", command_explain},
    {"verify", "hold devices against the double-precision reference", command_verify},
#if GYRE_HAVE_BENCH
    {"bench", "measure speed as a share of what the machine allows", command_bench},
#endif
    {"cache", "list or clear the compiled kernels kept on disk", command_cache},
};
enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

int complain(int code, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%sgyre:%s ", style(stderr, STYLE_RED), style(stderr, STYLE_NONE));
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

static int print_help(FILE *out)
{
    fputs("gyre: rotary position embedding and attention on any GPU, and the CPU\n\n"
          "usage: gyre COMMAND [options]      gyre COMMAND --help tells the rest\n\n"
          "commands:\n",
          out);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].about);
    fputs("\nfirst steps:\n"
          "  gyre devices                    what is there\n"
          "  gyre verify --device all        does it compute the right thing\n"
          "  gyre bench                      and how fast\n"
          "\nenvironment:\n"
          "  GYRE_DEVICE     device to take when --device is not given\n"
          "  GYRE_CACHE_DIR  where compiled kernels are kept; empty: nowhere\n"
          "  NO_COLOR        no colour, even on a terminal\n"
          "\nexit status: 0 done, 1 a check failed, 2 wrong usage, 3 a device or file failed\n",
          out);
    return out == stdout ? CODE_OK : CODE_USAGE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0) {
        printf("gyre %s\n", gyre_version());
        return CODE_OK;
    }
    if (*word == '\0' || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(*word == '\0' ? stderr : stdout);
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, word) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return complain(CODE_USAGE, "no command '%s'; gyre --help lists them", word);
}
