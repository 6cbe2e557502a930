// SPDX-License-Identifier: MIT
// gyre devices: what is there.
#include <string.h>

#include "choice.h"
#include "command.h"
#include "json.h"
#include "open.h"
#include "table.h"
#include "units.h"

static const struct command_help help = {
    .name = "devices",
    .about = "list devices, which one is the default, and why",
    .examples = "  gyre devices\n"
                "  gyre devices -v                     what each driver said while looking\n"
                "  gyre devices --json | jq '.[].id'   every fact, for a tool\n"
                "  GYRE_DEVICE=vulkan gyre devices     what the environment changes",
};

// Drivers say a lot of themselves: a narrow terminal gets the beginning.
static int driver_width(void)
{
    int width = term_width(stdout);
    return width != 0 && width < 110 ? 22 : 44;
}

static void add_row(struct table *table, const struct gyre_device_info *info, bool is_default)
{
    table_cell(table, STYLE_GREEN, is_default ? "*" : "");
    table_cell(table, is_default ? STYLE_GREEN : STYLE_NONE, "%s", info->id);
    table_cell(table, STYLE_NONE, "%.*s", driver_width(), info->driver);
    cell_size(table, info->memory_size);
    cell_count(table, info->n_units);
    cell_count(table, info->subgroup_size);
    table_cell(table, STYLE_NONE, "%s%s",
               info->has_f16_math      ? "math"
               : info->has_f16_storage ? "storage"
                                       : "no",
               info->has_bf16_dot ? ", bf16 dot" : "");
    table_cell(table, is_default ? STYLE_NONE : STYLE_DIM, "%s%s", is_default ? "default: " : "",
               choice_reason(info, is_default));
}

static void print_table(const struct gyre_device_list *list, const char *chosen)
{
    struct table *table = table_create("|device|driver|>memory|>units|>subgroup|16-bit|why");
    uint32_t physical = UINT32_MAX;
    for (size_t i = 0; i < gyre_device_list_count(list); i++) {
        const struct gyre_device_info *info = gyre_device_list_get(list, i);
        if (info->physical != physical)
            table_heading(table, "%s (%s)", info->name, gyre_device_type_name(info->type));
        physical = info->physical;
        add_row(table, info, strcmp(info->id, chosen) == 0);
    }
    table_print(table, stdout);
    table_destroy(table);
    puts("\n* the default. A device behind two interfaces has two rows.");
}

static void add_limits(cJSON *json, const struct gyre_device_info *info)
{
    uint64_t groups[3];
    for (int i = 0; i < 3; i++)
        groups[i] = info->max_group_count[i];
    cJSON_AddNumberToObject(json, "memory_size", (double)info->memory_size);
    cJSON_AddNumberToObject(json, "max_alloc_size", (double)info->max_alloc_size);
    cJSON_AddNumberToObject(json, "max_binding_size", (double)info->max_binding_size);
    cJSON_AddNumberToObject(json, "offset_align", info->offset_align);
    cJSON_AddNumberToObject(json, "n_units", info->n_units);
    cJSON_AddNumberToObject(json, "max_group_size", info->max_group_size);
    json_add_u64s(json, "max_group_count", groups, 3);
    cJSON_AddNumberToObject(json, "local_size", info->local_size);
    cJSON_AddNumberToObject(json, "subgroup_size", info->subgroup_size);
}

static void add_features(cJSON *json, const struct gyre_device_info *info)
{
    cJSON_AddBoolToObject(json, "has_f16_storage", info->has_f16_storage);
    cJSON_AddBoolToObject(json, "has_f16_math", info->has_f16_math);
    cJSON_AddBoolToObject(json, "has_bf16_dot", info->has_bf16_dot);
    cJSON_AddBoolToObject(json, "has_int_dot", info->has_int_dot);
    cJSON_AddBoolToObject(json, "has_coop_matrix", info->has_coop_matrix);
    cJSON_AddBoolToObject(json, "has_unified_memory", info->has_unified_memory);
    cJSON_AddBoolToObject(json, "is_local_mem_global", info->is_local_mem_global);
}

static cJSON *describe(const struct gyre_device_info *info, bool is_default)
{
    cJSON *json = cJSON_CreateObject();
    char uuid[33];
    for (int i = 0; i < 16; i++)
        snprintf(uuid + 2 * i, 3, "%02x", info->uuid[i]);
    cJSON_AddStringToObject(json, "id", info->id);
    cJSON_AddBoolToObject(json, "is_default", is_default);
    cJSON_AddNumberToObject(json, "rank", info->rank);
    cJSON_AddStringToObject(json, "why", choice_reason(info, is_default));
    cJSON_AddNumberToObject(json, "physical", info->physical);
    cJSON_AddStringToObject(json, "route", gyre_backend_name(info->backend));
    cJSON_AddStringToObject(json, "type", gyre_device_type_name(info->type));
    cJSON_AddStringToObject(json, "name", info->name);
    cJSON_AddStringToObject(json, "vendor", info->vendor);
    cJSON_AddStringToObject(json, "driver", info->driver);
    cJSON_AddNumberToObject(json, "vendor_id", info->vendor_id);
    cJSON_AddNumberToObject(json, "device_id", info->device_id);
    cJSON_AddStringToObject(json, "uuid", uuid);
    cJSON_AddStringToObject(json, "pci", info->pci);
    add_limits(json, info);
    add_features(json, info);
    return json;
}

static void print_json(const struct gyre_device_list *list, const char *chosen)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < gyre_device_list_count(list); i++) {
        const struct gyre_device_info *info = gyre_device_list_get(list, i);
        cJSON_AddItemToArray(array, describe(info, strcmp(info->id, chosen) == 0));
    }
    json_print(array, stdout);
}

int command_devices(int argc, char **argv)
{
    struct common common = {0};
    const struct option_spec specs[] = {
        OPTION_THREADS(common),
        OPTION_JSON(common),
        OPTION_VERBOSE(common),
        {0},
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    struct gyre_device_params params = {.log = shown_log(&common), .n_threads = common.n_threads};
    struct gyre_device_list *list;
    enum gyre_status status = gyre_device_list_create(&params, &list);
    if (status != GYRE_OK)
        return complain(CODE_DEVICE, "devices cannot be listed: %s", gyre_status_name(status));
    char chosen[32];
    choice_find(list, &common, chosen);
    if (common.is_json)
        print_json(list, chosen);
    else
        print_table(list, chosen);
    gyre_device_list_destroy(&list);
    return CODE_OK;
}
