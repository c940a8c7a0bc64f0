# SPDX-License-Identifier: GPL-2.0-only
said=$(head -c 6 /proc/version)
[ "$said" = "$(when 'Linux ' 'Mended')" ]
