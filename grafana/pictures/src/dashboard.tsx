// The picture: a heading, the panels on Grafana's grid of 24 columns, and a footer that says what drew it.

import { dateTimeFormat, type DataFrame, type GrafanaTheme2, renderMarkdown } from '@grafana/data';
import { ErrorBoundary, Icon, PanelChrome } from '@grafana/ui';
import { optionsOf } from './defaults';
import { drawings } from './panels';
import type { Dashboard, Order, Panel, Scene } from './model';
import { inWords, type Variable } from './variables';

const COLUMNS = 24;
const CELL_HEIGHT = 30;
const GAP = 8;
export interface Filled {
  panel: Panel;
  frames: DataFrame[];
  error?: string;
}

interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function placeOf({ gridPos: { x, y, w, h } }: Panel, dashboardWidth: number): Place {
  const column = (dashboardWidth - GAP * (COLUMNS - 1)) / COLUMNS;
  return {
    left: x * (column + GAP),
    top: y * (CELL_HEIGHT + GAP),
    width: w * column + (w - 1) * GAP,
    height: h * CELL_HEIGHT + (h - 1) * GAP,
  };
}

/** The panels that a person sees: those of a folded row are hidden. */
export function panelsShown(dashboard: Dashboard): Panel[] {
  const repeated = dashboard.panels.find((panel) => panel.repeat);
  if (repeated) {
    throw new Error(`panel ${repeated.id} is repeated for each ${repeated.repeat}, which is not drawn here`);
  }
  return dashboard.panels;
}

interface Props {
  order: Order;
  filled: Filled[];
  variables: Variable[];
  scene: Scene;
  theme: GrafanaTheme2;
}

export function DashboardPicture(props: Props) {
  const { order, filled, theme } = props;
  const width = order.width - 2 * GAP;
  const places = filled.map(({ panel }) => placeOf(panel, width));
  const height = Math.max(0, ...places.map((place) => place.top + place.height));
  return (
    <Sheet {...props}>
      <Heading {...props} />
      <div style={{ position: 'relative', height }}>
        {filled.map((one, index) => (
          <div key={one.panel.id} style={{ position: 'absolute', ...places[index] }}>
            {one.panel.type === 'row'
              ? <RowTitle panel={one.panel} scene={props.scene} />
              : <PanelPicture one={one} place={places[index]} scene={props.scene} theme={theme} />}
          </div>
        ))}
      </div>
    </Sheet>
  );
}

/** One panel for itself, with its description in words below it instead of behind an icon. */
export function SinglePicture(props: Props) {
  const { order, filled: [one], scene, theme } = props;
  const place = { ...placeOf(one.panel, order.width), width: order.width - 2 * GAP };
  const words = renderMarkdown(scene.interpolate(one.panel.description ?? ''));
  return (
    <Sheet {...props}>
      <PanelPicture one={{ ...one, panel: { ...one.panel, description: undefined } }} {...{ place, scene, theme }} />
      <div
        className="markdown-html"
        style={{ ...theme.typography.bodySmall, padding: `${GAP}px ${GAP}px 0`, color: theme.colors.text.primary }}
        dangerouslySetInnerHTML={{ __html: words }}
      />
    </Sheet>
  );
}

function Sheet({ order, scene, theme, children }: Props & { children: React.ReactNode }) {
  const { colors } = theme;
  return (
    <div id="picture" style={{ width: order.width, padding: GAP, background: colors.background.canvas }}>
      {children}
      <div style={{
        display: 'flex', justifyContent: 'space-between', gap: 2 * GAP, paddingTop: GAP, fontSize: 11,
        color: colors.text.secondary,
      }}>
        <span>{order.footer}</span>
        <span style={{ whiteSpace: 'nowrap' }}>{spanOf(scene)}</span>
      </div>
    </div>
  );
}

function spanOf({ range }: Scene): string {
  const time = (value: number, format: string) => dateTimeFormat(value, { format, timeZone: 'utc' });
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const sameDay = time(from, 'YYYY-MM-DD') === time(to, 'YYYY-MM-DD');
  return `${time(from, 'YYYY-MM-DD HH:mm')} to ${time(to, sameDay ? 'HH:mm' : 'YYYY-MM-DD HH:mm')} UTC`;
}

function Heading({ order, scene, variables, theme }: Props) {
  const shown = variables.filter(({ model }) => model.hide !== 2 && model.type !== 'datasource');
  return (
    <div style={{ display: 'flex', alignItems: 'baseline', gap: 16, padding: '4px 0 12px' }}>
      <span style={{ ...theme.typography.h3, margin: 0 }}>{order.dashboard.title}</span>
      {shown.map((variable) => (
        <span key={variable.model.name}>
          <span style={{ color: theme.colors.text.secondary }}>{variable.model.label ?? variable.model.name} </span>
          <span style={{ fontWeight: 500 }}>{inWords(variable)}</span>
        </span>
      ))}
      <span style={{ marginLeft: 'auto' }} />
      {scene.annotations.filter(({ spans }) => spans.length > 0).map(({ name, colour }) => (
        <span key={name}>
          <span style={{ color: theme.visualization.getColorByName(colour) }}>┆ </span>
          {name}
        </span>
      ))}
    </div>
  );
}

function RowTitle({ panel, scene }: { panel: Panel; scene: Scene }) {
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 4, height: '100%', fontWeight: 500 }}>
      <Icon name={panel.collapsed ? 'angle-right' : 'angle-down'} />
      {scene.interpolate(panel.title ?? '')}
    </div>
  );
}

function PanelPicture({ one: { panel, frames, error }, place, scene, theme }: {
  one: Filled; place: Place; scene: Scene; theme: GrafanaTheme2;
}) {
  const Drawn = drawings[panel.type];
  const description = panel.description && renderMarkdown(scene.interpolate(panel.description));
  const empty = panel.type !== 'text' && frames.every((frame) => frame.length === 0);
  return (
    <PanelChrome
      title={scene.interpolate(panel.title ?? '')}
      hoverHeader={!panel.title}
      description={description}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      statusMessage={error}
      width={place.width}
      height={place.height}
    >
      {(width, height) => error
        ? <Instead colour={theme.colors.error.text}>{error}</Instead>
        : empty
          ? <Instead colour={theme.colors.text.secondary}>{panel.fieldConfig?.defaults.noValue ?? 'No data'}</Instead>
          : (
            <ErrorBoundary>
              {({ error: thrown }) => thrown
                ? <Instead colour={theme.colors.error.text}>{thrown.message}</Instead>
                : <Drawn {...{ panel, frames, scene, theme, width, height }} options={optionsOf(panel)} />}
            </ErrorBoundary>
          )}
    </PanelChrome>
  );
}

function Instead({ colour, children }: { colour: string; children: React.ReactNode }) {
  return (
    <div style={{
      display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center', textAlign: 'center',
      color: colour, overflowWrap: 'anywhere',
    }}>
      {children}
    </div>
  );
}
