// SPDX-License-Identifier: GPL-2.0-only
/* The file that says which kernel a source tree belongs to; see info.h. */
#include "distro/info.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_INFO (64u << 10)

struct field {
	const char *key;
	char **value;
};

static struct ks_error *parse_line(const char *path, int number, char *line, struct field *fields,
				   size_t n, char **format)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!*line || *line == '#')
		return NULL;
	if (!colon)
		return ks_error_new(KS_E_INPUT, "%s:%d: \"key: value\" expected", path, number);
	*colon = 0;
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		*--end = 0;
	for (size_t i = 0; i < n; i++) {
		char **slot = fields[i].value;

		if (strcmp(line, fields[i].key))
			continue;
		if (*slot)
			return ks_error_new(KS_E_INPUT, "%s:%d: a second \"%s\"", path, number,
					    line);
		*slot = ks_strdup(value);
	}
	if (!strcmp(line, "format") && !*format)
		*format = ks_strdup(value);
	return NULL;
}

struct ks_error *ks_kernel_info_read(const char *config_dir, struct ks_kernel_info *info)
{
	struct field fields[] = {
		{ "release", &info->release },	 { "version", &info->version },
		{ "architecture", &info->arch }, { "flavour", &info->flavour },
		{ "realtime", &info->patches },	 { "banner", &info->banner },
	};
	char *path = ks_path_join(config_dir, "kernel"), *format = NULL, *next;
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;
	int number = 0;

	memset(info, 0, sizeof(*info));
	if (!ks_file_exists(path))
		goto out;
	err = ks_file_read(path, MAX_INFO, &text);
	for (char *line = text.data; !err && line && *line; line = next) {
		char *nl = strchr(line, '\n');

		next = nl ? nl + 1 : line + strlen(line);
		if (nl)
			*nl = 0;
		err = parse_line(path, ++number, line, fields, sizeof(fields) / sizeof(*fields),
				 &format);
	}
	if (!err && (!format || strcmp(format, "1")))
		err = ks_error_new(KS_E_INPUT,
				   "%s has format %s, this version of ksplice knows 1;"
				   " prepare the source again, in a new directory",
				   path, format ? format : "(none)");
	if (!err && (!info->release || !info->version))
		err = ks_error_new(KS_E_INPUT,
				   "%s lacks \"%s\"; prepare the source again, in"
				   " a new directory",
				   path, info->release ? "version" : "release");
out:
	if (err)
		ks_kernel_info_free(info);
	ks_buf_free(&text);
	free(format);
	free(path);
	return err;
}

static void add(struct ks_buf *b, const char *key, const char *value)
{
	if (value)
		ks_buf_addf(b, "%s: %.*s\n", key, (int)strcspn(value, "\n"), value);
}

struct ks_error *ks_kernel_info_write(const char *config_dir, const struct ks_kernel_info *info)
{
	char *path = ks_path_join(config_dir, "kernel");
	struct ks_buf text = { 0 };
	struct ks_error *err;

	ks_buf_adds(&text,
		    "# Written by ksplice-prepare: the kernel that this source belongs to.\n");
	add(&text, "format", "1");
	add(&text, "release", info->release);
	add(&text, "version", info->version);
	add(&text, "architecture", info->arch);
	add(&text, "flavour", info->flavour);
	add(&text, "realtime", info->patches);
	add(&text, "banner", info->banner);
	err = ks_file_write(path, text.data, text.len, 0644);
	ks_buf_free(&text);
	free(path);
	return err;
}

void ks_kernel_info_free(struct ks_kernel_info *info)
{
	free(info->release);
	free(info->version);
	free(info->arch);
	free(info->flavour);
	free(info->patches);
	free(info->banner);
	memset(info, 0, sizeof(*info));
}
