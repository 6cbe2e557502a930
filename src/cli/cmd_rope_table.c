// SPDX-License-Identifier: MIT
// gyre rope-table: how a model rotates, from its config.json.
#include <string.h>
#include <strings.h>

#include "command.h"
#include "config_file.h"
#include "open.h"
#include "rope_report.h"

static const struct command_help help = {
    .name = "rope-table",
    .about = "print the frequencies that a model's config.json stands for",
    .operands = "CONFIG.json",
    .examples =
        "  gyre rope-table config.json\n"
        "  gyre rope-table config.json --seq-len 16384      dynamic and longrope depend on it\n"
        "  gyre rope-table config.json --layer-type sliding_attention\n"
        "  gyre rope-table config.json --position 131071    and the cosines and sines there\n"
        "  gyre rope-table config.json --decay decay.png    how scores fade with distance\n"
        "  gyre rope-table - --json < config.json | jq '.pairs[].inv_freq'\n\n"
        "Keys about RoPE that are not known are named, and make the exit status 1: what is "
        "printed\n"
        "may then not be what the model does.",
    .n_operands = 1,
    .max_operands = 1,
};

struct rope_table_options {
    struct common common;
    struct config_choice choice;
    const char *decay;
    struct maybe_i32 position;
    bool is_whole;
};

static int show(const struct rope_table_options *options, const struct rope_report *report)
{
    if (options->common.is_json)
        rope_report_print_json(report);
    else
        rope_report_print(report, options->is_whole);
    if (options->decay != NULL && !rope_report_draw(report, options->decay))
        return complain(CODE_DEVICE, "%s: the picture cannot be written", options->decay);
    return CODE_OK;
}

static int report_file(const struct rope_table_options *options, const struct config_file *file)
{
    struct gyre_log log = shown_log(&options->common);
    const int32_t *position = options->position.is_given ? &options->position.value : NULL;
    struct rope_report report;
    enum gyre_status status = rope_report_make(file->config, &log, position, &report);
    report.unknown = file->unknown;
    int code = status == GYRE_OK ? show(options, &report)
                                 : complain(CODE_DEVICE, "the table: %s", gyre_status_name(status));
    rope_report_free(&report);
    return code;
}

static int run(const struct rope_table_options *options)
{
    struct config_file file;
    int code = config_file_read(&options->choice, &options->common, &file);
    if (code == CODE_OK)
        code = report_file(options, &file);
    if (code == CODE_OK)
        code = config_file_check(&options->choice, &file);
    config_file_free(&file);
    return code;
}

static bool is_png(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcasecmp(path + length - 4, ".png") == 0;
}

int command_rope_table(int argc, char **argv)
{
    struct rope_table_options options = {0};
    const struct option_spec specs[] = {
        OPTION_SEQ_LEN(options.choice),
        OPTION_LAYER_TYPE(options.choice),
        {"position", 'p', OPTION_MAYBE_I32, &options.position, "P", "also print cos and sin there"},
        {"decay", 0, OPTION_TEXT, &options.decay, "FILE.png",
         "draw RoFormer's long-term decay (section 3.4.3)"},
        {"all", 'a', OPTION_FLAG, &options.is_whole, NULL, "every pair, on a terminal too"},
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, &options.choice.path, &code))
        return code;
    if (options.decay != NULL && !is_png(options.decay))
        return complain(CODE_USAGE,
                        "rope-table: --decay draws a PNG, and '%s' does not end in .png",
                        options.decay);
    return run(&options);
}
