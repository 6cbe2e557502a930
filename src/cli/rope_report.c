// SPDX-License-Identifier: MIT
#include "rope_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decay_plot.h"
#include "json.h"
#include "table.h"

enum { MANY_ROWS = 24, FEW_ROWS = 16, DEFAULT_DISTANCE = 4096 };

static const char *const kinds[] = {
    [GYRE_ROPE_DEFAULT] = "default", [GYRE_ROPE_LINEAR] = "linear",
    [GYRE_ROPE_NTK] = "ntk",         [GYRE_ROPE_DYNAMIC] = "dynamic",
    [GYRE_ROPE_YARN] = "yarn",       [GYRE_ROPE_LONGROPE] = "longrope",
    [GYRE_ROPE_LLAMA3] = "llama3",   [GYRE_ROPE_PROPORTIONAL] = "proportional",
};

// --- making

enum gyre_status rope_report_make(const struct gyre_rope_config *config, const struct gyre_log *log,
                                  const int32_t *position, struct rope_report *report)
{
    *report = (struct rope_report){.config = config};
    enum gyre_status status = gyre_rope_resolve(config, log, &report->facts, NULL, NULL);
    if (status != GYRE_OK)
        return status;
    size_t n = report->facts.n_pairs;
    report->inv_freq = calloc(n, sizeof(*report->inv_freq));
    report->pair_axes = calloc(n, sizeof(*report->pair_axes));
    if (report->inv_freq == NULL || report->pair_axes == NULL)
        return GYRE_NO_MEMORY;
    status = gyre_rope_resolve(config, log, NULL, report->inv_freq, report->pair_axes);
    if (status != GYRE_OK || position == NULL)
        return status;
    report->position = *position;
    report->cos = calloc(n, sizeof(*report->cos));
    report->sin = calloc(n, sizeof(*report->sin));
    if (report->cos == NULL || report->sin == NULL)
        return GYRE_NO_MEMORY;
    return gyre_rope_fill_cache(config, log, *position, 1, GYRE_F32, report->cos, report->sin);
}

void rope_report_free(struct rope_report *report)
{
    free(report->inv_freq);
    free(report->pair_axes);
    free(report->cos);
    free(report->sin);
    *report = (struct rope_report){0};
}

// --- facts

static uint64_t original_len(const struct gyre_rope_config *config)
{
    return config->original_len != 0 ? config->original_len : config->max_len;
}

// Tokens to a turn; infinite for a pair that stands still.
static double wavelength(double inv_freq)
{
    return 2 * acos(-1) / inv_freq;
}

// Pairs that do not stand still.
static uint32_t n_turning(const struct rope_report *report)
{
    uint32_t n = 0;
    for (uint32_t j = 0; j < report->facts.n_pairs; j++)
        n += report->inv_freq[j] != 0;
    return n;
}

// The kind, and what the model says beside it: "yarn, factor 4".
static void describe_kind(const struct gyre_rope_config *config, char *text, size_t size)
{
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"factor", config->factor},
        {"beta_fast", config->beta_fast},
        {"beta_slow", config->beta_slow},
        {"mscale", config->mscale},
        {"mscale_all_dim", config->mscale_all_dim},
        {"low_freq_factor", config->low_freq_factor},
        {"high_freq_factor", config->high_freq_factor},
    };
    snprintf(text, size, "%s%s", kinds[config->kind],
             config->is_untruncated ? ", not truncated" : "");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        size_t length = strlen(text);
        if (numbers[i].value != 0)
            snprintf(text + length, size - length, ", %s %g", numbers[i].name, numbers[i].value);
    }
}

static void print_fact(const char *name)
{
    printf("%s%-18s%s", style(stdout, STYLE_BOLD), name, style(stdout, STYLE_NONE));
}

static void print_lengths(const struct gyre_rope_config *config)
{
    print_fact("lengths");
    if (original_len(config) == 0)
        printf("not said");
    else
        printf("%llu tokens", (unsigned long long)original_len(config));
    if (config->max_len > original_len(config))
        printf(" originally, up to %llu", (unsigned long long)config->max_len);
    if (config->seq_len != 0)
        printf("; this is for %llu", (unsigned long long)config->seq_len);
    putchar('\n');
}

static void print_axes(const struct rope_report *report)
{
    const uint32_t *sections = report->config->sections;
    print_fact("position axes");
    printf("%u", report->facts.n_axes);
    for (uint32_t i = 0; i < report->facts.n_axes && report->facts.n_axes > 1; i++)
        printf("%s%u", i == 0 ? ", of pairs: " : " ", sections[i]);
    puts(report->config->axes == GYRE_ROPE_SECTIONS_INTERLEAVED ? ", in turn" : "");
}

static void print_head(const struct rope_report *report)
{
    const struct gyre_rope_config *config = report->config;
    print_fact("head");
    printf("%u elements, of which %u rotate", config->head_dim, 2 * n_turning(report));
    if (config->partial_rotary_factor != 0 && config->rotary_dim == 0)
        printf(" (partial_rotary_factor %g)", config->partial_rotary_factor);
    putchar('\n');
}

static void print_facts(const struct rope_report *report)
{
    const struct gyre_rope_config *config = report->config;
    uint32_t n_pairs = report->facts.n_pairs;
    char kind[256];
    describe_kind(config, kind, sizeof(kind));
    print_fact("kind");
    puts(kind);
    print_fact("theta");
    printf("%.10g\n", config->theta);
    print_head(report);
    print_fact("pairing");
    if (config->pairing == GYRE_ROPE_INTERLEAVED)
        puts("interleaved: (2j, 2j + 1)");
    else
        printf("half: (j, j + %u)\n", n_pairs);
    print_axes(report);
    print_lengths(config);
    print_fact("attention factor");
    printf("%.9g\n", report->facts.attention_factor);
    print_fact("softmax scale");
    printf("times %.9g\n\n", report->facts.softmax_scale_multiplier);
}

// --- table

static struct table *make_table(const struct rope_report *report)
{
    char headers[160];
    uint64_t length = original_len(report->config);
    int n = snprintf(headers, sizeof(headers),
                     ">pair|>axis|>inv_freq (rad/token)|>wavelength (tokens)");
    if (length != 0)
        n += snprintf(headers + n, sizeof(headers) - (size_t)n, "|>turns over %llu",
                      (unsigned long long)length);
    if (report->cos != NULL)
        snprintf(headers + n, sizeof(headers) - (size_t)n, "|>cos at %d|>sin at %d",
                 report->position, report->position);
    return table_create(headers);
}

static void add_row(struct table *table, const struct rope_report *report, uint32_t j)
{
    double inv_freq = report->inv_freq[j], wave = wavelength(inv_freq);
    uint64_t length = original_len(report->config);
    table_cell(table, STYLE_NONE, "%u", j);
    table_cell(table, STYLE_NONE, "%u", report->pair_axes[j]);
    table_cell(table, STYLE_NONE, "%.9g", inv_freq);
    if (isfinite(wave))
        table_cell(table, STYLE_NONE, "%.*f", wave < 1e4 ? 2 : 0, wave);
    else
        table_cell(table, STYLE_DIM, "stands still");
    if (length != 0)
        table_cell(table, STYLE_NONE, "%.*f", (double)length < 100 * wave ? 3 : 1,
                   (double)length / wave);
    if (report->cos != NULL) {
        table_cell(table, STYLE_NONE, "%.7f", (double)report->cos[j]);
        table_cell(table, STYLE_NONE, "%.7f", (double)report->sin[j]);
    }
}

void rope_report_print(const struct rope_report *report, bool is_whole)
{
    struct table *table = make_table(report);
    uint32_t n = report->facts.n_pairs;
    bool is_abridged = !is_whole && term_is(stdout) && n > MANY_ROWS;
    uint32_t step = is_abridged ? (n + FEW_ROWS - 1) / FEW_ROWS : 1;
    print_facts(report);
    for (uint32_t j = 0; j < n; j++)
        if (j % step == 0 || j == n - 1)
            add_row(table, report, j);
    table_print(table, stdout);
    table_destroy(table);
    if (is_abridged)
        printf("\na row for every %u of %u pairs, and the last; --all shows all\n", step, n);
}

// --- JSON

static void add_pair(cJSON *pairs, const struct rope_report *report, uint32_t j)
{
    cJSON *pair = cJSON_CreateObject();
    double wave = wavelength(report->inv_freq[j]);
    uint64_t length = original_len(report->config);
    cJSON_AddNumberToObject(pair, "pair", j);
    cJSON_AddNumberToObject(pair, "axis", report->pair_axes[j]);
    cJSON_AddNumberToObject(pair, "inv_freq", report->inv_freq[j]);
    cJSON_AddNumberToObject(pair, "wavelength", wave); // null when infinite
    if (length != 0)
        cJSON_AddNumberToObject(pair, "turns", (double)length / wave);
    if (report->cos != NULL) {
        cJSON_AddNumberToObject(pair, "cos", (double)report->cos[j]);
        cJSON_AddNumberToObject(pair, "sin", (double)report->sin[j]);
    }
    cJSON_AddItemToArray(pairs, pair);
}

// Lengths that are not known are left out.
static void add_length(cJSON *json, const char *name, uint64_t length)
{
    if (length != 0)
        cJSON_AddNumberToObject(json, name, (double)length);
}

static void add_words(cJSON *json, const char *name, const char *words)
{
    cJSON *array = cJSON_AddArrayToObject(json, name);
    while (*words != '\0') {
        char word[256];
        size_t length = strcspn(words, " ");
        snprintf(word, sizeof(word), "%.*s", (int)length, words);
        cJSON_AddItemToArray(array, cJSON_CreateString(word));
        words += length + (words[length] == ' ');
    }
}

void rope_report_print_json(const struct rope_report *report)
{
    const struct gyre_rope_config *config = report->config;
    bool is_interleaved = config->pairing == GYRE_ROPE_INTERLEAVED;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "kind", kinds[config->kind]);
    cJSON_AddNumberToObject(json, "theta", config->theta);
    cJSON_AddNumberToObject(json, "head_dim", config->head_dim);
    cJSON_AddNumberToObject(json, "rotary_dim", 2 * report->facts.n_pairs);
    cJSON_AddNumberToObject(json, "n_rotating", 2 * n_turning(report));
    if (config->partial_rotary_factor != 0)
        cJSON_AddNumberToObject(json, "partial_rotary_factor", config->partial_rotary_factor);
    cJSON_AddStringToObject(json, "pairing", is_interleaved ? "interleaved" : "half");
    cJSON_AddNumberToObject(json, "n_axes", report->facts.n_axes);
    add_length(json, "original_len", original_len(config));
    add_length(json, "max_len", config->max_len);
    add_length(json, "seq_len", config->seq_len);
    cJSON_AddNumberToObject(json, "attention_factor", report->facts.attention_factor);
    cJSON_AddNumberToObject(json, "softmax_scale_multiplier",
                            report->facts.softmax_scale_multiplier);
    add_words(json, "unknown", report->unknown);
    if (report->cos != NULL)
        cJSON_AddNumberToObject(json, "position", report->position);
    cJSON *pairs = cJSON_AddArrayToObject(json, "pairs");
    for (uint32_t j = 0; j < report->facts.n_pairs; j++)
        add_pair(pairs, report, j);
    json_print(json, stdout);
}

// --- picture

static double longest_distance(const struct gyre_rope_config *config)
{
    uint64_t length = config->seq_len != 0 ? config->seq_len : config->max_len;
    length = length != 0 ? length : config->original_len;
    return length > 1 ? (double)length : DEFAULT_DISTANCE;
}

bool rope_report_draw(const struct rope_report *report, const char *path)
{
    const struct gyre_rope_config *config = report->config;
    char kind[256], subtitle[320], mark[48];
    describe_kind(config, kind, sizeof(kind));
    snprintf(subtitle, sizeof(subtitle), "%s; theta %.10g, %u pairs", kind, config->theta,
             report->facts.n_pairs);
    snprintf(mark, sizeof(mark), "original length %llu", (unsigned long long)original_len(config));
    struct decay_plot plot = {
        .inv_freq = report->inv_freq,
        .n_pairs = report->facts.n_pairs,
        .max_distance = longest_distance(config),
        .mark = (double)original_len(config),
        .title = "Long-term decay of RoPE",
        .subtitle = subtitle,
        .mark_label = mark,
    };
    return decay_plot_write(&plot, path);
}
