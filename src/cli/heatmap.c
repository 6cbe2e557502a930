// SPDX-License-Identifier: MIT
#include "heatmap.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "draw.h"

// Pixels around the panels.
enum { LEFT = 88, TOP = 92, LABEL_ROOM = 24, RIGHT = 140, BOTTOM = 96 };
enum { BAR_GAP = 28, BAR_WIDTH = 20, TICK_ROOM = 48 };
enum { MIN_WIDTH = 680 }; // of the picture: titles fit
enum { MIN_ROOT = 2, MAX_ROOT = 4, N_DECADES = 5 };

static const struct colour absent = {0.945, 0.945, 0.955};

struct plot {
    cairo_t *cairo;
    const struct heatmap *map;
    double top;           // of the panels
    double width, height; // of a panel
    double max;           // largest value
    int root;             // of the values, that the colours follow
};

static double grid_width(const struct plot *plot)
{
    return (double)heat_grid_width(&plot->map->grid);
}

static double grid_height(const struct plot *plot)
{
    return (double)heat_grid_height(&plot->map->grid);
}

// Small probabilities matter: the root spreads them over more of the colours.
static double shade(const struct plot *plot, double value)
{
    return plot->max > 0 ? pow(value / plot->max, 1.0 / plot->root) : 0;
}

// The lowest that tells keys seen evenly from keys not seen.
static int choose_root(struct plot plot)
{
    const double least_shade = 0.1, even = 1 / (double)plot.map->grid.columns.n;
    for (plot.root = MIN_ROOT; plot.root < MAX_ROOT; plot.root++)
        if (shade(&plot, even) >= least_shade)
            break;
    return plot.root;
}

// --- panels

static uint32_t pixel_of(const struct plot *plot, double value)
{
    struct colour colour = value >= 0 ? colour_at(shade(plot, value)) : absent;
    uint32_t r = (uint32_t)lround(255 * colour.r), g = (uint32_t)lround(255 * colour.g);
    return r << 16 | g << 8 | (uint32_t)lround(255 * colour.b);
}

// A pixel per cell.
static cairo_surface_t *make_image(const struct plot *plot, const float *cells)
{
    size_t n_columns = plot->map->grid.columns.n_cells, n_rows = plot->map->grid.rows.n_cells;
    cairo_surface_t *image =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)n_columns, (int)n_rows);
    unsigned char *data = cairo_image_surface_get_data(image);
    size_t stride = (size_t)cairo_image_surface_get_stride(image);
    for (size_t i = 0; data != NULL && i < n_rows; i++) {
        uint32_t *pixels = (uint32_t *)(void *)(data + i * stride);
        for (size_t j = 0; j < n_columns; j++)
            pixels[j] = pixel_of(plot, cells[i * n_columns + j]);
    }
    cairo_surface_mark_dirty(image);
    return image;
}

static void draw_cells(const struct plot *plot, const float *cells, double x, double y)
{
    const struct heat_grid *grid = &plot->map->grid;
    cairo_t *cairo = plot->cairo;
    cairo_surface_t *image = make_image(plot, cells);
    cairo_save(cairo);
    cairo_translate(cairo, x, y);
    cairo_scale(cairo, (double)grid->columns.cell, (double)grid->rows.cell);
    cairo_set_source_surface(cairo, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_NEAREST);
    cairo_paint(cairo);
    cairo_restore(cairo);
    cairo_surface_destroy(image);
}

// 1, 2 or 5 times a power of ten, so that labels stand at least TICK_ROOM apart.
static size_t tick_step(const struct heat_axis *axis)
{
    static const size_t factors[] = {1, 2, 5};
    double length = (double)heat_axis_length(axis);
    for (size_t power = 1;; power *= 10)
        for (int i = 0; i < 3; i++) {
            size_t step = factors[i] * power;
            if (length * (double)step / (double)axis->n >= TICK_ROOM || step >= axis->n)
                return step;
        }
}

// The middle of an element, from the panel's edge.
static double place_on(const struct heat_axis *axis, size_t element)
{
    return (double)axis->cell * ((double)element + 0.5) / (double)axis->pool;
}

static void draw_column_ticks(const struct plot *plot, double x, double bottom)
{
    const struct heat_axis *axis = &plot->map->grid.columns;
    char text[32];
    for (size_t j = 0; j < axis->n; j += tick_step(axis)) {
        double at = x + place_on(axis, j);
        snprintf(text, sizeof(text), "%zu", j);
        draw_line(plot->cairo, at, bottom, 0, TICK_LENGTH);
        draw_text(plot->cairo, at, bottom + TICK_LENGTH + TICK_SIZE + 2, 0.5, text);
    }
}

static void draw_row_ticks(const struct plot *plot, double x, double y)
{
    const struct heat_axis *axis = &plot->map->grid.rows;
    char text[32];
    for (size_t i = 0; i < axis->n; i += tick_step(axis)) {
        double at = y + place_on(axis, i);
        snprintf(text, sizeof(text), "%zu", i);
        draw_line(plot->cairo, x, at, -TICK_LENGTH, 0);
        draw_text(plot->cairo, x - TICK_LENGTH - 4, at + 0.36 * TICK_SIZE, 1, text);
    }
}

static void draw_label(const struct plot *plot, const struct heat_panel *panel, double x, double y)
{
    draw_set_colour(plot->cairo, draw_ink);
    draw_set_font(plot->cairo, TICK_SIZE, true);
    draw_text(plot->cairo, x, y - 7, 0, panel->label);
    draw_set_colour(plot->cairo, draw_pale);
    draw_set_font(plot->cairo, TICK_SIZE, false);
    if (heat_grid_has_notes(&plot->map->grid))
        draw_text(plot->cairo, x + plot->width, y - 7, 1, panel->note);
}

// Ticks are at the left of each row of panels, and under each column.
static void draw_panel(const struct plot *plot, size_t i)
{
    const struct heat_grid *grid = &plot->map->grid;
    size_t across = i % grid->n_across, down = i / grid->n_across;
    double x = LEFT + (double)across * (plot->width + HEAT_GAP_X);
    double y = plot->top + (double)down * (plot->height + HEAT_GAP_Y);
    draw_cells(plot, plot->map->panels[i].cells, x, y);
    draw_frame(plot->cairo, x, y, plot->width, plot->height);
    if (grid->n_panels > 1)
        draw_label(plot, &plot->map->panels[i], x, y);
    draw_set_font(plot->cairo, TICK_SIZE, false);
    draw_set_colour(plot->cairo, draw_pale);
    if (across == 0)
        draw_row_ticks(plot, x, y);
    if (i + grid->n_across >= grid->n_panels)
        draw_column_ticks(plot, x, y + plot->height);
}

static void draw_words(const struct plot *plot)
{
    const struct heatmap *map = plot->map;
    cairo_t *cairo = plot->cairo;
    double bottom = plot->top + grid_height(plot);
    draw_titles(cairo, LEFT, map->title, map->subtitle);
    draw_set_colour(cairo, draw_ink);
    draw_text(cairo, LEFT + grid_width(plot) / 2, bottom + 46, 0.5, map->column_label);
    draw_upright_text(cairo, 28, plot->top + grid_height(plot) / 2, true, map->row_label);
    draw_set_colour(cairo, draw_pale);
    draw_set_font(cairo, TICK_SIZE, false);
    draw_text(cairo, LEFT, bottom + 76, 0, map->caption);
}

// --- the scale of colours, at the right of all panels

static void draw_scale_tick(const struct plot *plot, double x, double y, double value)
{
    char text[32];
    snprintf(text, sizeof(text), "%.2g", value);
    draw_line(plot->cairo, x, y, TICK_LENGTH, 0);
    draw_text(plot->cairo, x + TICK_LENGTH + 4, y + 0.36 * TICK_SIZE, 0, text);
}

// Both ends, and of round values those that have room.
static void draw_scale_ticks(const struct plot *plot, double x)
{
    static const double factors[] = {5, 2, 1};
    const double room = 2 * TICK_SIZE, bottom = plot->top + grid_height(plot);
    double last = plot->top;
    draw_set_font(plot->cairo, TICK_SIZE, false);
    draw_set_colour(plot->cairo, draw_pale);
    draw_scale_tick(plot, x, plot->top, plot->max);
    draw_scale_tick(plot, x, bottom, 0);
    if (plot->max <= 0)
        return;
    int decade = (int)floor(log10(plot->max));
    for (int i = 0; i < 3 * N_DECADES; i++) {
        double value = factors[i % 3] * pow(10, decade - i / 3);
        double y = bottom - grid_height(plot) * shade(plot, value);
        if (y - last < room || bottom - y < room)
            continue;
        draw_scale_tick(plot, x, y, value);
        last = y;
    }
}

static void draw_scale_label(const struct plot *plot, double x)
{
    static const char *const roots[] = {[2] = "square", [3] = "cube", [4] = "fourth"};
    char text[64];
    snprintf(text, sizeof(text), "%s (%s root scale)", plot->map->scale_label, roots[plot->root]);
    draw_set_colour(plot->cairo, draw_ink);
    draw_set_font(plot->cairo, LABEL_SIZE, false);
    draw_upright_text(plot->cairo, x, plot->top + grid_height(plot) / 2, false, text);
}

static void draw_scale(const struct plot *plot)
{
    double x = LEFT + grid_width(plot) + BAR_GAP, height = grid_height(plot);
    for (int i = 0; i < (int)height; i++) {
        draw_set_colour(plot->cairo, colour_at(1 - (i + 0.5) / height));
        cairo_rectangle(plot->cairo, x, plot->top + i, BAR_WIDTH, 1);
        cairo_fill(plot->cairo);
    }
    draw_frame(plot->cairo, x, plot->top, BAR_WIDTH, height);
    draw_scale_ticks(plot, x + BAR_WIDTH);
    draw_scale_label(plot, x + BAR_WIDTH + 68);
}

// --- the picture

static double largest(const struct heatmap *map)
{
    double max = 0;
    for (size_t p = 0; p < map->grid.n_panels; p++)
        for (size_t i = 0; i < map->grid.rows.n_cells * map->grid.columns.n_cells; i++)
            max = fmax(max, map->panels[p].cells[i]);
    return max;
}

bool heatmap_write(const struct heatmap *map, const char *path)
{
    const struct heat_grid *grid = &map->grid;
    struct plot plot = {
        .map = map,
        .top = TOP + (grid->n_panels > 1 ? LABEL_ROOM : 0),
        .width = (double)heat_axis_length(&grid->columns),
        .height = (double)heat_axis_length(&grid->rows),
        .max = largest(map),
    };
    plot.root = choose_root(plot);
    double width = fmax(LEFT + grid_width(&plot) + RIGHT, MIN_WIDTH);
    double height = plot.top + grid_height(&plot) + BOTTOM;
    cairo_surface_t *surface;
    plot.cairo = draw_begin((int)width, (int)height, &surface);
    for (size_t i = 0; i < grid->n_panels; i++)
        draw_panel(&plot, i);
    draw_words(&plot);
    draw_scale(&plot);
    return draw_finish(plot.cairo, surface, path);
}
