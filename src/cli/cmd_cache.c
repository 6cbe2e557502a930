// SPDX-License-Identifier: MIT
// gyre cache: the compiled kernels kept on disk.
#include <string.h>

#include "cache.h"
#include "command.h"
#include "json.h"
#include "open.h"
#include "table.h"

static const struct command_help help = {
    .name = "cache",
    .about = "list or clear the compiled kernels kept on disk",
    .operands = "list|clear",
    .examples = "  gyre cache list\n"
                "  gyre cache list --json | jq 'map(.size) | add'\n"
                "  gyre cache clear\n"
                "  GYRE_CACHE_DIR=/tmp/gyre gyre cache list    another directory",
    .n_operands = 1,
    .max_operands = 1,
};

// Where entries are listed; one of the two.
struct listing {
    struct table *table;
    cJSON *json;
    size_t n, total_size;
};

// Keys are texts of many lines (options, drivers): their first says enough, cut to a line.
static void add_key(struct table *table, const char *key)
{
    int length = (int)strcspn(key, "\n");
    table_cell(table, STYLE_NONE, "%.*s", length, key);
}

static void print_age(struct table *table, int64_t seconds)
{
    if (seconds < 120)
        table_cell(table, STYLE_NONE, "%lld s", (long long)seconds);
    else if (seconds < 7200)
        table_cell(table, STYLE_NONE, "%lld min", (long long)seconds / 60);
    else if (seconds < 172800)
        table_cell(table, STYLE_NONE, "%lld h", (long long)seconds / 3600);
    else
        table_cell(table, STYLE_NONE, "%lld days", (long long)seconds / 86400);
}

static void visit(void *user, const struct gyre_cache_entry *entry)
{
    struct listing *listing = user;
    listing->n++;
    listing->total_size += entry->size;
    if (listing->json == NULL) {
        table_cell(listing->table, STYLE_NONE, "%.1f KiB", (double)entry->size / 1024);
        print_age(listing->table, entry->age_s);
        table_cell(listing->table, STYLE_RED, entry->is_damaged ? "damaged" : "");
        add_key(listing->table, entry->key);
        return;
    }
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "key", entry->key);
    cJSON_AddNumberToObject(item, "size", (double)entry->size);
    cJSON_AddNumberToObject(item, "age_s", (double)entry->age_s);
    cJSON_AddBoolToObject(item, "is_damaged", entry->is_damaged);
    cJSON_AddItemToArray(listing->json, item);
}

static void list(struct gyre_cache *cache, bool is_json)
{
    struct listing listing = {.table = table_create(">size|>age||what"),
                              .json = is_json ? cJSON_CreateArray() : NULL};
    gyre_cache_list(cache, visit, &listing);
    json_print(listing.json, stdout);
    if (!is_json) {
        table_print(listing.table, stdout);
        printf("%s%s: %zu entries, %.1f KiB\n", listing.n > 0 ? "\n" : "", gyre_cache_dir(cache),
               listing.n, (double)listing.total_size / 1024);
    }
    table_destroy(listing.table);
}

static void clear(struct gyre_cache *cache, bool is_json)
{
    size_t n = gyre_cache_clear(cache);
    if (!is_json) {
        printf("%s: %zu entries removed\n", gyre_cache_dir(cache), n);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "dir", gyre_cache_dir(cache));
    cJSON_AddNumberToObject(json, "n_removed", (double)n);
    json_print(json, stdout);
}

int command_cache(int argc, char **argv)
{
    struct common common = {0};
    const char *verb = NULL;
    const struct option_spec specs[] = {OPTION_JSON(common), OPTION_VERBOSE(common), {0}};
    struct gyre_cache *cache;
    int code;
    if (!options_parse(&help, specs, argc, argv, &verb, &code))
        return code;
    bool is_list = strcmp(verb, "list") == 0;
    if (!is_list && strcmp(verb, "clear") != 0)
        return complain(CODE_USAGE, "cache: '%s' is neither list nor clear", verb);
    const struct gyre_log log = shown_log(&common);
    gyre_cache_open(&log, NULL, &cache);
    if (cache == NULL)
        return complain(CODE_DEVICE, "cache: no directory can be used");
    if (is_list)
        list(cache, common.is_json);
    else
        clear(cache, common.is_json);
    gyre_cache_close(&cache);
    return CODE_OK;
}
