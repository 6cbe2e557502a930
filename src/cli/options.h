// SPDX-License-Identifier: MIT
// Options of a subcommand: one list says what is parsed, into what, and what --help tells.
#ifndef GYRE_CLI_OPTIONS_H
#define GYRE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_type {
    OPTION_FLAG,      // bool
    OPTION_COUNT,     // int, how often it was given
    OPTION_TEXT,      // const char *
    OPTION_U32,       // uint32_t
    OPTION_I32,       // int32_t
    OPTION_MAYBE_I32, // struct maybe_i32
    OPTION_DOUBLE,    // double
    OPTION_CHOICE,    // int: which of the words in `arg`, "half|interleaved"
    OPTION_HEADS,     // struct head_counts: "32/8", or "32" for as many KV heads
    OPTION_HEADING,   // no option: `name` stands above those that follow
};

struct maybe_i32 {
    bool is_given;
    int32_t value;
};

struct head_counts {
    uint32_t n, n_kv;
};

struct option_spec {
    const char *name; // without dashes; NULL ends the list
    char letter;      // short form; 0: none
    enum option_type type;
    void *value; // holds the default before
    const char *arg, *help;
};

#define OPTIONS_ABOUT(heading)                                                                     \
    {                                                                                              \
        heading, .type = OPTION_HEADING                                                            \
    }

// What --help tells besides the options. Texts end without a newline.
struct command_help {
    const char *name, *about;
    const char *operands; // "IN.npy -o OUT.npy", shown after the name
    const char *examples; // indented lines
    int n_operands, max_operands;
};

// Parses argv. True: go on, with operands[0..max_operands) filled (NULL where not given). False:
// exit with *code; --help, or a complaint, has been printed.
bool options_parse(const struct command_help *help, const struct option_spec *specs, int argc,
                   char **argv, const char **operands, int *code);

// Options that most subcommands share.
struct common {
    const char *device;
    uint32_t n_threads;
    bool is_json;
    int verbosity;
};

#define OPTION_DEVICE(common)                                                                      \
    {                                                                                              \
        "device", 'd', OPTION_TEXT, &(common).device, "NAME",                                      \
            "cpu, vulkan, opencl:1, a part of a name (default: the best)"                          \
    }
#define OPTION_DEVICES(common)                                                                     \
    {                                                                                              \
        "device", 'd', OPTION_TEXT, &(common).device, "NAME",                                      \
            "cpu, vulkan, opencl:1, a part of a name, or all (default: the best)"                  \
    }
#define OPTION_THREADS(common)                                                                     \
    {                                                                                              \
        "threads", 't', OPTION_U32, &(common).n_threads, "N",                                      \
            "threads of the cpu device (default: one per core)"                                    \
    }
#define OPTION_JSON(common)                                                                        \
    {                                                                                              \
        "json", 'j', OPTION_FLAG, &(common).is_json, 0, "print JSON"                               \
    }
#define OPTION_VERBOSE(common)                                                                     \
    {                                                                                              \
        "verbose", 'v', OPTION_COUNT, &(common).verbosity, 0,                                      \
            "show what the library logs; twice: every kernel"                                      \
    }

// Of attention: an enum gyre_attention_precision, as an int.
#define OPTION_PRECISION(precision)                                                                \
    {                                                                                              \
        "precision", 0, OPTION_CHOICE, &(precision), "f32|f16-sums|bf16-dots",                     \
            "how products are summed; refused where the device cannot (f32)"                       \
    }

#endif
