// A text in Markdown, made safe by Grafana's own renderer.

import { renderTextPanelMarkdown, textUtil } from '@grafana/data';
import type { Drawing } from './index';

export function TextPanel({ options, scene, height }: Drawing) {
  const content = scene.interpolate(options.content ?? '');
  const html = options.mode === 'html' ? textUtil.sanitizeTextPanelContent(content) : renderTextPanelMarkdown(content);
  return <div className="markdown-html" style={{ height, overflow: 'hidden' }} dangerouslySetInnerHTML={{ __html: html }} />;
}
