// Rows and columns: Grafana's own TableNG, which its table panel draws with.

import { TableNG } from '@grafana/ui/unstable';
import type { Drawing } from './index';

export function TablePanel({ frames, options, scene, width, height, panel }: Drawing) {
  const frame = frames[options.frameIndex] ?? frames[0];
  return (
    <TableNG
      data={frame}
      width={width}
      height={height}
      noHeader={!options.showHeader}
      showTypeIcons={options.showTypeIcons}
      sortBy={options.sortBy}
      cellHeight={options.cellHeight}
      enablePagination={options.enablePagination}
      fieldConfig={panel.fieldConfig}
      timeRange={scene.range}
      // A picture shows what there is: rows out of sight are drawn as well.
      enableVirtualization={false}
      structureRev={1}
    />
  );
}
