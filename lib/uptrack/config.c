// SPDX-License-Identifier: GPL-2.0-only
/* The administrator's settings, the first thing that a client reads; see config.h. */
#include "uptrack/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_CONFIG (64u << 10)

struct setting {
	const char *section, *name;
	char **text; /* one of them */
	bool *flag;
};

static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

static bool read_flag(const char *value, bool *flag)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcasecmp(value, words[i])) {
			*flag = i & 1;
			return true;
		}
	}
	return false;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *s)
{
	size_t n;

	while (isspace((unsigned char)*s))
		s++;
	for (n = strlen(s); n && isspace((unsigned char)s[n - 1]);)
		s[--n] = 0;
	return s;
}

static struct ks_error *take(const struct setting *set, const char *value)
{
	for (const char *p = value; *p; p++)
		if (iscntrl((unsigned char)*p))
			return ks_error_new(KS_E_INPUT, "%s has a control character in its value",
					    set->name);
	if (set->flag)
		return read_flag(value, set->flag) ?
			       NULL :
			       ks_error_new(KS_E_INPUT, "%s = %s: say yes or no", set->name, value);
	free(*set->text);
	*set->text = *value ? ks_strdup(value) : NULL;
	return NULL;
}

static struct ks_error *take_line(const struct setting *settings, char *line, const char *section)
{
	char *equals = strchr(line, '='), *name;

	if (!equals)
		return ks_error_new(KS_E_INPUT, "\"%s\" is neither [SECTION] nor NAME = VALUE",
				    line);
	*equals = 0;
	name = trim(line);
	for (const struct setting *set = settings; set->name; set++)
		if (!strcmp(set->section, section) && !strcmp(set->name, name))
			return take(set, trim(equals + 1));
	return ks_error_new(KS_E_INPUT, "there is no setting %s in [%s]; uptrack.conf(5) lists them", name,
			    section);
}

static struct ks_error *parse(const struct setting *settings, char *text)
{
	struct ks_error *err = NULL;
	char *next = text, *line, *section = ks_strdup("");
	unsigned int number = 0;

	while (!err && (line = strsep(&next, "\n"))) {
		size_t n;

		number++;
		line = trim(line);
		n = strlen(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		if (*line == '[' && line[n - 1] == ']') {
			line[n - 1] = 0;
			free(section);
			section = ks_strdup(trim(line + 1));
		} else {
			err = ks_error_prefix(take_line(settings, line, section), "line %u",
					      number);
		}
	}
	free(section);
	return err;
}

struct ks_error *ks_uptrack_config_read(const char *path, struct ks_uptrack_config *c)
{
	const struct setting settings[] = {
		{ "Auth", "accesskey", &c->accesskey, NULL },
		{ "Network", "update_repo_url", &c->update_repo_url, NULL },
		{ "Network", "https_proxy", &c->https_proxy, NULL },
		{ "Network", "ssl_ca_cert_file", &c->ssl_ca_cert_file, NULL },
		{ "Network", "ssl_ca_cert_dir", &c->ssl_ca_cert_dir, NULL },
		{ "Settings", "install_on_reboot", NULL, &c->install_on_reboot },
		{ "Settings", "upgrade_on_reboot", NULL, &c->upgrade_on_reboot },
		{ "Settings", "autoinstall", NULL, &c->autoinstall },
		{ "Settings", "no_rmmod", NULL, &c->no_rmmod },
		{ "Settings", "effective_version", &c->effective_version, NULL },
		{ "Status", "metrics_file", &c->metrics_file, NULL },
		{ "Status", "report_url", &c->report_url, NULL },
		{ NULL, NULL, NULL, NULL },
	};
	struct ks_buf text = { 0 };
	struct ks_error *err = NULL;

	memset(c, 0, sizeof(*c));
	c->install_on_reboot = true;
	if (!ks_file_exists(path))
		return NULL;
	err = ks_file_read(path, MAX_CONFIG, &text);
	if (!err && strlen(ks_buf_text(&text)) != text.len)
		err = ks_error_new(KS_E_INPUT, "%s is not text", path);
	if (!err)
		err = ks_error_prefix(parse(settings, text.data), "%s", path);
	ks_buf_free(&text);
	if (err)
		ks_uptrack_config_free(c);
	return err;
}

void ks_uptrack_config_free(struct ks_uptrack_config *c)
{
	free(c->accesskey);
	free(c->update_repo_url);
	free(c->https_proxy);
	free(c->ssl_ca_cert_file);
	free(c->ssl_ca_cert_dir);
	free(c->effective_version);
	free(c->metrics_file);
	free(c->report_url);
	memset(c, 0, sizeof(*c));
}
