// SPDX-License-Identifier: MIT
// gyre demo: the main job, on real input and on every device.
#include <stdlib.h>
#include <string.h>

#include "choice.h"
#include "command.h"
#include "demo_layer.h"
#include "json.h"
#include "measure.h"
#include "progress.h"
#include "table.h"
#include "units.h"

static const struct command_help help = {
    .name = "demo",
    .about = "run RoPE and attention of a real model's layer on every device",
    .examples = "  gyre demo --data examples/data                 in the project's folder\n"
                "  gyre demo --data examples/data --map map.png   with a picture of its heads\n"
                "  gyre demo --data examples/data --device cpu    one device only\n"
                "  GYRE_CACHE_DIR=$(mktemp -d) gyre demo ...      how long a cold start takes",
};

struct demo_options {
    struct common common;
    const char *data;
    struct study_options map;
};

// Rates at a size where they mean something.
struct rates {
    const char *size;
    struct measurement rope, attention;
};

// Both tables and the JSON, filled device by device.
struct demo {
    const struct demo_options *options;
    struct layer layer;
    struct gyre_device_list *list;
    char chosen[32]; // id of the default device
    bool is_map_drawn;
    struct progress progress;
    struct table *times, *rates;
    cJSON *devices; // NULL: print the tables
};

// The bench's row of an operator, in f32.
static void measure_named(struct session *session, const char *op, const char *name,
                          struct measurement *out)
{
    const struct measure_options options = {.seed = 1, .min_s = 0.2};
    for (const struct bench_row *row = bench_rows; bench_row_name(row) != NULL; row++)
        if (strcmp(bench_row_op(row), op) == 0 && strcmp(bench_row_name(row), name) == 0)
            measure_row(session, row, case_dtypes_of(CASE_F32), &options, out);
}

static void measure_rates(struct session *session, struct rates *rates)
{
    bool is_software = session->info->type == GYRE_DEVICE_SOFTWARE;
    *rates = (struct rates){.size = is_software ? "64 tokens" : "512 tokens"};
    measure_named(session, "rope", is_software ? "half_64" : "half_512", &rates->rope);
    measure_named(session, "attention", is_software ? "prefill_64_d128" : "prefill_512_d128",
                  &rates->attention);
}

static void add_times(struct demo *demo, const struct gyre_device_info *info, int code,
                      const struct layer_report *report)
{
    struct table *table = demo->times;
    bool is_chosen = strcmp(info->id, demo->chosen) == 0;
    table_heading(table, "%s (%s)", info->name, gyre_device_type_name(info->type));
    table_cell(table, STYLE_GREEN, is_chosen ? "*" : "");
    table_cell(table, is_chosen ? STYLE_GREEN : STYLE_NONE, "%s", info->id);
    table_cell(table, STYLE_NONE, "%s", gyre_backend_name(info->backend));
    cell_ms(table, report->first_s);
    cell_ms(table, report->warm_s);
    table_cell(table, STYLE_NONE, "%.1e", report->error);
    table_cell(table, code == CODE_OK ? STYLE_GREEN : STYLE_RED,
               code == CODE_OK ? "passed" : "FAILED");
    table_cell(table, is_chosen ? STYLE_NONE : STYLE_DIM, "%s%s", is_chosen ? "default: " : "",
               choice_reason(info, is_chosen));
}

static void add_check(struct table *table, const struct measurement *m)
{
    bool is_passed = m->check.outcome == OUTCOME_PASS;
    table_cell(table, is_passed ? STYLE_GREEN : STYLE_RED, "%s",
               is_passed ? "passed" : m->check.text);
}

static void add_rates(struct demo *demo, const struct gyre_device_info *info,
                      const struct rates *rates)
{
    struct table *table = demo->rates;
    bool is_rope_right = rates->rope.check.outcome == OUTCOME_PASS;
    table_cell(table, STYLE_NONE, "%s", info->id);
    table_cell(table, STYLE_NONE, "%s", rates->size);
    cell_ms(table, rates->rope.wall.min);
    cell_rate(table, rates->rope.rate, false);
    cell_ms(table, rates->attention.wall.min);
    cell_rate(table, rates->attention.rate, true);
    add_check(table, is_rope_right ? &rates->attention : &rates->rope);
}

static void add_json_rate(cJSON *json, const char *name, const char *unit,
                          const struct measurement *m)
{
    cJSON *item = cJSON_AddObjectToObject(json, name);
    cJSON_AddBoolToObject(item, "is_right", m->check.outcome == OUTCOME_PASS);
    cJSON_AddNumberToObject(item, "min_s", m->wall.min);
    cJSON_AddNumberToObject(item, "rate", m->rate);
    cJSON_AddStringToObject(item, "unit", unit);
}

static void add_json(struct demo *demo, const struct gyre_device_info *info, int code,
                     const struct layer_report *report, const struct rates *rates)
{
    bool is_chosen = strcmp(info->id, demo->chosen) == 0;
    cJSON *json = cJSON_CreateObject();
    json_add_device(json, info);
    cJSON_AddBoolToObject(json, "is_default", is_chosen);
    cJSON_AddStringToObject(json, "why", choice_reason(info, is_chosen));
    cJSON_AddBoolToObject(json, "is_right", code == CODE_OK);
    cJSON_AddNumberToObject(json, "first_s", report->first_s);
    cJSON_AddNumberToObject(json, "warm_s", report->warm_s);
    cJSON_AddNumberToObject(json, "error", report->error);
    cJSON_AddNumberToObject(json, "bound", report->bound);
    cJSON_AddStringToObject(json, "size", rates->size);
    add_json_rate(json, "rope", "B/s", &rates->rope);
    add_json_rate(json, "attention", "FLOP/s", &rates->attention);
    cJSON_AddItemToArray(demo->devices, json);
}

// What the whole list says of a device: its rank is one among all.
static const struct gyre_device_info *find_info(const struct demo *demo,
                                                const struct gyre_device_info *opened)
{
    for (size_t i = 0; i < gyre_device_list_count(demo->list); i++)
        if (strcmp(gyre_device_list_get(demo->list, i)->id, opened->id) == 0)
            return gyre_device_list_get(demo->list, i);
    return opened;
}

// The layer, whose map the first device draws, and then the rates.
static int run_all(struct demo *demo, struct opened *opened, struct layer_report *report,
                   struct rates *rates)
{
    const struct study_options no_map = {0};
    const struct gyre_device_info *info = opened->session.info;
    progress_step(&demo->progress, info->id);
    int code =
        layer_run(opened, &demo->layer, demo->is_map_drawn ? &no_map : &demo->options->map, report);
    demo->is_map_drawn |= code == CODE_OK;
    progress_step(&demo->progress, info->id);
    measure_rates(&opened->session, rates);
    progress_clear(&demo->progress);
    return code;
}

static int demo_device(struct demo *demo, const char *name)
{
    struct opened opened;
    struct layer_report report;
    struct rates rates;
    int code;
    if (!opened_open(&opened, &demo->options->common, name, &code))
        return code;
    code = run_all(demo, &opened, &report, &rates);
    const struct gyre_device_info *info = find_info(demo, opened.session.info);
    if (demo->devices != NULL) {
        add_json(demo, info, code, &report, &rates);
    } else {
        add_times(demo, info, code, &report);
        add_rates(demo, info, &rates);
    }
    bool is_right =
        rates.rope.check.outcome == OUTCOME_PASS && rates.attention.check.outcome == OUTCOME_PASS;
    opened_close(&opened);
    return code == CODE_OK && !is_right ? CODE_FAILED : code;
}

static void print_input(const struct layer *layer)
{
    printf(
        "Real input (%s): %zu tokens of a LLaMA model's layer, %zu query heads on\n"
        "%zu KV heads of %zu elements, f32. RoPE and causal grouped-query attention, held against\n"
        "a double-precision reference that agrees with the model's own trace within %.0e.\n\n",
        layer->dir, layer->n_tokens, layer->n_heads, layer->n_kv_heads, layer->head_dim,
        layer->model_difference);
}

static void print_tables(const struct demo *demo)
{
    print_input(&demo->layer);
    table_print(demo->times, stdout);
    puts("\n* the default. first: the first call, which compiles kernels or loads them from the "
         "cache.\nerror: the largest, over the largest |v|; 1e-5 is allowed.\n\n"
         "At a size where rates mean something: 32/8 heads of 128, f32, causal; the fastest "
         "call.\n");
    table_print(demo->rates, stdout);
    if (demo->options->map.map != NULL)
        printf("\nAttention by head (%s): %s\n", demo->options->map.heads, demo->options->map.map);
}

static void print_json(struct demo *demo)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "reference_difference", demo->layer.model_difference);
    cJSON_AddItemToObject(json, "devices", demo->devices);
    if (demo->options->map.map != NULL)
        cJSON_AddStringToObject(json, "map", demo->options->map.map);
    json_print(json, stdout);
}

static int run(struct demo *demo)
{
    struct names names = names_find(&demo->options->common);
    int worst = CODE_OK;
    progress_begin(&demo->progress, 2 * names.n);
    for (size_t i = 0; i < names.n; i++) {
        int code = demo_device(demo, names.items[i]);
        worst = code > worst ? code : worst;
    }
    names_free(&names);
    if (demo->devices != NULL)
        print_json(demo);
    else
        print_tables(demo);
    return worst;
}

// Fills what the run needs besides the layer.
static int start(struct demo *demo)
{
    const struct common *common = &demo->options->common;
    struct gyre_device_params params = {.log = shown_log(common), .n_threads = common->n_threads};
    enum gyre_status status = gyre_device_list_create(&params, &demo->list);
    if (status != GYRE_OK)
        return complain(CODE_DEVICE, "devices cannot be listed: %s", gyre_status_name(status));
    choice_find(demo->list, common, demo->chosen);
    if (common->is_json) {
        demo->devices = cJSON_CreateArray();
        return CODE_OK;
    }
    demo->times = table_create("|device|route|>first|>warm|>error|check|why");
    demo->rates = table_create("device|size|>rope|>rate|>attention|>rate|check");
    return CODE_OK;
}

int command_demo(int argc, char **argv)
{
    struct demo_options options = {
        .common = {.device = "all"}, .data = "examples/data", .map = {.heads = "all"}};
    const struct option_spec specs[] = {
        {"data", 0, OPTION_TEXT, &options.data, "DIR", "the layer's files (examples/data)"},
        {"map", 0, OPTION_TEXT, &options.map.map, "FILE", "draw the attention of heads as a PNG"},
        {"heads", 0, OPTION_TEXT, &options.map.heads, "LIST", "those of the map: 0,3,5-7 (all)"},
        {"device", 'd', OPTION_TEXT, &options.common.device, "NAME", "one device only (all)"},
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    struct demo demo = {.options = &options};
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    code = layer_load(options.data, &demo.layer);
    if (code == CODE_OK)
        code = start(&demo);
    if (code == CODE_OK)
        code = run(&demo);
    table_destroy(demo.times);
    table_destroy(demo.rates);
    gyre_device_list_destroy(&demo.list);
    layer_free(&demo.layer);
    return code;
}
