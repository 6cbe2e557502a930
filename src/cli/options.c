// SPDX-License-Identifier: MIT
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "term.h"

enum { MAX_OPTIONS = 64, HELP_COLUMN = 28, FIRST_LONG = 256, CODE_HELP = 'h' };

static bool takes_argument(const struct option_spec *spec)
{
    return spec->type != OPTION_FLAG && spec->type != OPTION_COUNT;
}

static void print_heading(const char *heading)
{
    printf("\n%s%s%s\n", style(stdout, STYLE_BOLD), heading, style(stdout, STYLE_NONE));
}

static void print_option(char letter, const char *name, const char *arg, const char *help)
{
    char left[96], forms[8] = "    ";
    if (letter != 0)
        snprintf(forms, sizeof(forms), "-%c, ", letter);
    snprintf(left, sizeof(left), "  %s--%s%s%s", forms, name, arg != NULL ? " " : "",
             arg != NULL ? arg : "");
    if (strlen(left) < HELP_COLUMN)
        printf("%-*s%s\n", HELP_COLUMN, left, help);
    else
        printf("%s\n%*s%s\n", left, HELP_COLUMN, "", help);
}

// Those up to the next heading, or the end: where that is.
static const struct option_spec *print_options(const struct option_spec *spec)
{
    for (; spec->name != NULL && spec->type != OPTION_HEADING; spec++)
        print_option(spec->letter, spec->name, spec->arg, spec->help);
    return spec;
}

static void print_help(const struct command_help *help, const struct option_spec *specs)
{
    const char *bold = style(stdout, STYLE_BOLD), *none = style(stdout, STYLE_NONE);
    printf("%sgyre %s%s: %s\n\n", bold, help->name, none, help->about);
    printf("usage: gyre %s%s%s [options]\n", help->name, help->operands != NULL ? " " : "",
           help->operands != NULL ? help->operands : "");
    print_heading("options");
    specs = print_options(specs);
    print_option('h', "help", NULL, "this text");
    while (specs->name != NULL) {
        print_heading(specs->name);
        specs = print_options(specs + 1);
    }
    print_heading("examples");
    printf("%s\n", help->examples);
    printf("\nexit status: 0 done, 1 a check failed, 2 wrong usage, 3 a device or file failed\n");
}

// Index of `text` among "half|interleaved"; -1: none of them.
static int find_word(const char *words, const char *text)
{
    size_t length = strlen(text);
    for (int i = 0;; i++) {
        size_t n = strcspn(words, "|");
        if (n == length && strncmp(words, text, n) == 0)
            return i;
        if (words[n] == '\0')
            return -1;
        words += n + 1;
    }
}

// A whole number in [min, max].
static bool parse_whole(const char *text, long long min, long long max, long long *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= min && *value <= max;
}

// "32/8", or "32".
static bool parse_heads(const char *text, struct head_counts *heads)
{
    char n[16];
    long long n_q = 0, n_kv = 0;
    size_t length = strcspn(text, "/");
    if (length >= sizeof(n))
        return false;
    snprintf(n, length + 1, "%s", text);
    bool is_read = parse_whole(n, 0, UINT32_MAX, &n_q) &&
                   parse_whole(text[length] == '/' ? text + length + 1 : n, 0, UINT32_MAX, &n_kv);
    *heads = (struct head_counts){(uint32_t)n_q, (uint32_t)n_kv};
    return is_read;
}

static bool parse_double(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value);
}

static bool set_value(const struct option_spec *spec, const char *text)
{
    long long whole;
    switch (spec->type) {
    case OPTION_FLAG:
        *(bool *)spec->value = true;
        return true;
    case OPTION_COUNT:
        ++*(int *)spec->value;
        return true;
    case OPTION_TEXT:
        *(const char **)spec->value = text;
        return true;
    case OPTION_U32:
        if (!parse_whole(text, 0, UINT32_MAX, &whole))
            return false;
        *(uint32_t *)spec->value = (uint32_t)whole;
        return true;
    case OPTION_I32:
        if (!parse_whole(text, INT32_MIN, INT32_MAX, &whole))
            return false;
        *(int32_t *)spec->value = (int32_t)whole;
        return true;
    case OPTION_MAYBE_I32:
        if (!parse_whole(text, INT32_MIN, INT32_MAX, &whole))
            return false;
        *(struct maybe_i32 *)spec->value = (struct maybe_i32){true, (int32_t)whole};
        return true;
    case OPTION_DOUBLE:
        return parse_double(text, spec->value);
    case OPTION_CHOICE:
        *(int *)spec->value = find_word(spec->arg, text);
        return *(int *)spec->value >= 0;
    case OPTION_HEADS:
        return parse_heads(text, spec->value);
    case OPTION_HEADING:
        break;
    }
    return false;
}

// Fills getopt's two descriptions; an option's number is FIRST_LONG plus its place.
static void describe(const struct option_spec *specs, char *letters, struct option *longs)
{
    int n = 0;
    *letters++ = ':';
    *letters++ = 'h';
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        const int number = FIRST_LONG + (int)(spec - specs);
        if (spec->type == OPTION_HEADING)
            continue;
        longs[n++] = (struct option){spec->name, takes_argument(spec), NULL, number};
        if (spec->letter == 0)
            continue;
        *letters++ = spec->letter;
        if (takes_argument(spec))
            *letters++ = ':';
    }
    *letters = '\0';
    longs[n] = (struct option){"help", no_argument, NULL, CODE_HELP};
    longs[n + 1] = (struct option){0};
}

static const struct option_spec *find_spec(const struct option_spec *specs, int got)
{
    if (got >= FIRST_LONG)
        return &specs[got - FIRST_LONG];
    while (specs->letter != got)
        specs++;
    return specs;
}

static int wrong(const struct command_help *help, const char *what, const char *which)
{
    return complain(CODE_USAGE, "%s: %s '%s'; see gyre %s --help", help->name, what, which,
                    help->name);
}

static const char *wanted(const struct option_spec *spec)
{
    switch (spec->type) {
    case OPTION_U32:
        return "a whole number, not negative";
    case OPTION_I32:
    case OPTION_MAYBE_I32:
        return "a whole number";
    case OPTION_DOUBLE:
        return "a number";
    case OPTION_HEADS:
        return "32 or 32/8";
    default:
        return spec->arg;
    }
}

// Options up to the first that is wrong or asks for help; -1: none was.
static int parse_options(const struct command_help *help, const struct option_spec *specs, int argc,
                         char **argv)
{
    char letters[2 * MAX_OPTIONS + 3];
    struct option longs[MAX_OPTIONS + 2];
    int got;
    describe(specs, letters, longs);
    optind = 1;
    while ((got = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (got == CODE_HELP) {
            print_help(help, specs);
            return CODE_OK;
        }
        if (got == '?')
            return wrong(help, "no such option", argv[optind - 1]);
        if (got == ':')
            return wrong(help, "an argument is missing after", argv[optind - 1]);
        const struct option_spec *spec = find_spec(specs, got);
        if (!set_value(spec, optarg))
            return complain(CODE_USAGE, "%s: --%s %s: wanted %s", help->name, spec->name, optarg,
                            wanted(spec));
    }
    return -1;
}

bool options_parse(const struct command_help *help, const struct option_spec *specs, int argc,
                   char **argv, const char **operands, int *code)
{
    *code = parse_options(help, specs, argc, argv);
    if (*code >= 0)
        return false;
    int n = argc - optind;
    for (int i = 0; i < help->max_operands; i++)
        operands[i] = i < n ? argv[optind + i] : NULL;
    if (n > help->max_operands)
        *code = wrong(help, "not understood:", argv[optind + help->max_operands]);
    else if (n < help->n_operands)
        *code = complain(CODE_USAGE, "usage: gyre %s %s [options]; see gyre %s --help", help->name,
                         help->operands, help->name);
    return *code < 0;
}
